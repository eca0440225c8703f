// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Halving and doubling of feature maps (diffusers: models/downsampling.py, Downsample2D;
// models/upsampling.py, Upsample2D).
#pragma once

#include <cstdint>

#include "nn/layers.h"

namespace hra {

struct Downsample2DImpl : torch::nn::Module {
    /// With `asymmetric` the map is padded by one row below and one column on the right only (the VAE).
    explicit Downsample2DImpl(std::int64_t channels, bool asymmetric = false);

    /// x [B, C, H, W] -> half the size: rounded up, or down when asymmetric.
    torch::Tensor forward(const torch::Tensor& x);

    Conv2d conv;  // 3x3, stride 2
    bool asymmetric;
};
TORCH_MODULE(Downsample2D);

struct Upsample2DImpl : torch::nn::Module {
    explicit Upsample2DImpl(std::int64_t channels);

    /// x [B, C, H, W] -> [B, C, height, width]: 2 H and 2 W, or one less for a UNet skip of odd size.
    torch::Tensor forward(const torch::Tensor& x, std::int64_t height, std::int64_t width);

    Conv2d conv;  // 3x3
};
TORCH_MODULE(Upsample2D);

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Residual block of the UNet and the VAE (diffusers: models/resnet.py, ResnetBlock2D).
#pragma once

#include <cstdint>
#include <optional>

#include "nn/layers.h"

namespace hra {

struct ResnetBlock2DOptions {
    std::int64_t in_channels, out_channels;
    std::optional<std::int64_t> temb_channels = {};  // absent in the VAE
    std::int64_t groups = 32;
    double eps = 1e-5;  // 1e-6 in the VAE
};

struct ResnetBlock2DImpl : torch::nn::Module {
    explicit ResnetBlock2DImpl(const ResnetBlock2DOptions& options);

    /// x [B, in, H, W], temb [B, temb_channels] or undefined -> [B, out, H, W].
    torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& temb = {});

    GroupNorm norm1;
    Conv2d conv1;
    Linear time_emb_proj{nullptr};  // with temb_channels
    GroupNorm norm2;
    Conv2d conv2;
    Conv2d conv_shortcut{nullptr};  // when in != out
};
TORCH_MODULE(ResnetBlock2D);

}  // namespace hra

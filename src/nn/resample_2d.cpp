// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "nn/resample_2d.h"

#include <torch/torch.h>

#include "nn/observer.h"
#include "nn/ops.h"

namespace hra {

Downsample2DImpl::Downsample2DImpl(std::int64_t channels, bool pad_right_and_below)
    : conv(register_module("conv", Conv2d(Conv2dOptions{.in_channels = channels,
                                                        .out_channels = channels,
                                                        .stride = 2,
                                                        .padding = pad_right_and_below ? 0 : 1}))),
      asymmetric(pad_right_and_below) {}

torch::Tensor Downsample2DImpl::forward(const torch::Tensor& x) {
    return observed(*this, conv(asymmetric ? torch::constant_pad_nd(x, {0, 1, 0, 1}) : x));
}

Upsample2DImpl::Upsample2DImpl(std::int64_t channels)
    : conv(register_module("conv",
                           Conv2d(Conv2dOptions{.in_channels = channels, .out_channels = channels}))) {}

torch::Tensor Upsample2DImpl::forward(const torch::Tensor& x, std::int64_t height, std::int64_t width) {
    return observed(*this, conv(upsample_nearest(x, height, width)));
}

}  // namespace hra

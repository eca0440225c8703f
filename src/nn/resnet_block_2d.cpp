// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "nn/resnet_block_2d.h"

#include <torch/torch.h>

#include "nn/observer.h"

namespace hra {

ResnetBlock2DImpl::ResnetBlock2DImpl(const ResnetBlock2DOptions& o)
    : norm1(register_module("norm1", GroupNorm(o.groups, o.in_channels, o.eps))),
      conv1(register_module(
          "conv1", Conv2d(Conv2dOptions{.in_channels = o.in_channels, .out_channels = o.out_channels}))),
      norm2(register_module("norm2", GroupNorm(o.groups, o.out_channels, o.eps))),
      conv2(register_module(
          "conv2", Conv2d(Conv2dOptions{.in_channels = o.out_channels, .out_channels = o.out_channels}))) {
    if (o.temb_channels)
        time_emb_proj = register_module("time_emb_proj", Linear(*o.temb_channels, o.out_channels));
    if (o.in_channels != o.out_channels)
        conv_shortcut = register_module("conv_shortcut", Conv2d(conv1x1(o.in_channels, o.out_channels)));
}

torch::Tensor ResnetBlock2DImpl::forward(const torch::Tensor& x, const torch::Tensor& temb) {
    auto h = conv1(norm1->forward_silu(x));
    if (time_emb_proj) h = h + time_emb_proj(torch::silu(temb)).unsqueeze(-1).unsqueeze(-1);
    h = conv2(norm2->forward_silu(h));
    return observed(*this, (conv_shortcut ? conv_shortcut(x) : x) + h);
}

}  // namespace hra

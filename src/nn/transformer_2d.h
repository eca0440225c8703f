// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Transformer blocks over the positions of a feature map (diffusers: models/transformers/transformer_2d.py,
// Transformer2DModel).
#pragma once

#include "nn/attention.h"
#include "nn/module_vector.h"

namespace hra {

struct Transformer2DOptions {
    std::int64_t channels;
    std::int64_t heads;
    std::int64_t cross_attention_dim;
    std::int64_t layers = 1;
    std::int64_t norm_num_groups = 32;
    bool use_linear_projection = false;  // else proj_in and proj_out are stored as 1x1 convolutions
};

struct Transformer2DModelImpl : torch::nn::Module {
    explicit Transformer2DModelImpl(const Transformer2DOptions& options);

    /// x [B, channels, H, W] -> the same shape, channels_last in memory.
    torch::Tensor forward(const torch::Tensor& x, const TextContext& text);

    GroupNorm norm;
    Linear proj_in;
    ModuleVector<BasicTransformerBlock> transformer_blocks;
    Linear proj_out;
};
TORCH_MODULE(Transformer2DModel);

}  // namespace hra

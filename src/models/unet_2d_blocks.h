// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The blocks of the UNet (diffusers: models/unets/unet_2d_blocks.py). A block without attention has an empty
// `attentions`, which adds no name: DownBlock2D and CrossAttnDownBlock2D are one class, and so are the up
// blocks.
#pragma once

#include <cstdint>
#include <vector>

#include "nn/module_vector.h"
#include "nn/resample_2d.h"
#include "nn/resnet_block_2d.h"
#include "nn/transformer_2d.h"

namespace hra {

/// What the blocks of one UNet share, and what one block is told about its place.
struct UNetBlockOptions {
    std::int64_t out_channels;
    std::int64_t temb_channels;
    std::int64_t layers;  // residual blocks
    bool cross_attention;
    std::int64_t heads;
    std::int64_t cross_attention_dim;
    std::int64_t transformer_layers;
    bool use_linear_projection;
    std::int64_t norm_num_groups;
    double norm_eps;
    bool resample;  // ends with a downsampler or an upsampler
};

struct DownBlock2DImpl : torch::nn::Module {
    DownBlock2DImpl(std::int64_t in_channels, const UNetBlockOptions& options);

    /// x [B, in, H, W], temb [B, temb_channels] -> [B, out, H', W']; each layer's output and the downsampled
    /// map are appended to `skips`.
    torch::Tensor forward(torch::Tensor x, const torch::Tensor& temb, const TextContext& text,
                          std::vector<torch::Tensor>& skips);

    ModuleVector<ResnetBlock2D> resnets;
    ModuleVector<Transformer2DModel> attentions;
    ModuleVector<Downsample2D> downsamplers;
};
TORCH_MODULE(DownBlock2D);

struct UNetMidBlock2DCrossAttnImpl : torch::nn::Module {
    explicit UNetMidBlock2DCrossAttnImpl(const UNetBlockOptions& options);

    /// x [B, C, H, W] -> the same shape.
    torch::Tensor forward(torch::Tensor x, const torch::Tensor& temb, const TextContext& text);

    ModuleVector<Transformer2DModel> attentions;
    ModuleVector<ResnetBlock2D> resnets;  // one more
};
TORCH_MODULE(UNetMidBlock2DCrossAttn);

struct UpBlock2DImpl : torch::nn::Module {
    /// in_channels: of the matching down block's input; prev_out_channels: of the block before this one.
    UpBlock2DImpl(std::int64_t in_channels, std::int64_t prev_out_channels, const UNetBlockOptions& options);

    /// Takes one tensor off the end of `skips` for each layer; upsamples to the size of the one then last.
    torch::Tensor forward(torch::Tensor x, const torch::Tensor& temb, const TextContext& text,
                          std::vector<torch::Tensor>& skips);

    ModuleVector<ResnetBlock2D> resnets;
    ModuleVector<Transformer2DModel> attentions;
    ModuleVector<Upsample2D> upsamplers;
};
TORCH_MODULE(UpBlock2D);

}  // namespace hra

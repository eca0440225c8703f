// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Encoder and decoder of the image autoencoder (diffusers: models/autoencoders/vae.py, Encoder, Decoder;
// models/unets/unet_2d_blocks.py, DownEncoderBlock2D, UNetMidBlock2D, UpDecoderBlock2D).
#pragma once

#include <cstdint>
#include <vector>

#include "nn/attention.h"
#include "nn/module_vector.h"
#include "nn/resample_2d.h"
#include "nn/resnet_block_2d.h"

namespace hra {

struct DownEncoderBlock2DImpl : torch::nn::Module {
    DownEncoderBlock2DImpl(std::int64_t in_channels, std::int64_t out_channels, std::int64_t layers,
                           std::int64_t groups, bool downsample);
    /// x [B, in, H, W] -> [B, out, H/2, W/2], or [B, out, H, W] without a downsampler.
    torch::Tensor forward(torch::Tensor x);

    ModuleVector<ResnetBlock2D> resnets;
    ModuleVector<Downsample2D> downsamplers;
};
TORCH_MODULE(DownEncoderBlock2D);

struct UNetMidBlock2DImpl : torch::nn::Module {
    UNetMidBlock2DImpl(std::int64_t channels, std::int64_t groups);
    /// x [B, channels, H, W] -> the same shape; its attention has one head and sees all positions.
    torch::Tensor forward(torch::Tensor x);

    ModuleVector<Attention> attentions;
    ModuleVector<ResnetBlock2D> resnets;
};
TORCH_MODULE(UNetMidBlock2D);

struct UpDecoderBlock2DImpl : torch::nn::Module {
    UpDecoderBlock2DImpl(std::int64_t in_channels, std::int64_t out_channels, std::int64_t layers,
                         std::int64_t groups, bool upsample);
    /// x [B, in, H, W] -> [B, out, 2 H, 2 W], or [B, out, H, W] without an upsampler.
    torch::Tensor forward(torch::Tensor x);

    ModuleVector<ResnetBlock2D> resnets;
    ModuleVector<Upsample2D> upsamplers;
};
TORCH_MODULE(UpDecoderBlock2D);

/// What encoder and decoder share.
struct CoderOptions {
    std::int64_t image_channels;
    std::int64_t latent_channels;
    std::vector<std::int64_t> block_out_channels;
    std::int64_t layers_per_block;
    std::int64_t norm_num_groups;
};

struct EncoderImpl : torch::nn::Module {
    explicit EncoderImpl(const CoderOptions& options);
    /// x [B, image_channels, H, W] -> [B, 2 latent_channels, H/f, W/f], f = 2^(blocks - 1).
    torch::Tensor forward(torch::Tensor x);

    Conv2d conv_in;
    ModuleVector<DownEncoderBlock2D> down_blocks;
    UNetMidBlock2D mid_block;
    GroupNorm conv_norm_out;
    Conv2d conv_out;
};
TORCH_MODULE(Encoder);

struct DecoderImpl : torch::nn::Module {
    explicit DecoderImpl(const CoderOptions& options);
    /// z [B, latent_channels, h, w] -> [B, image_channels, f h, f w].
    torch::Tensor forward(torch::Tensor z);

    Conv2d conv_in;
    UNetMidBlock2D mid_block;
    ModuleVector<UpDecoderBlock2D> up_blocks;
    GroupNorm conv_norm_out;
    Conv2d conv_out;
};
TORCH_MODULE(Decoder);

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "models/vae.h"

#include <torch/torch.h>

#include "nn/observer.h"

namespace hra {
namespace {

constexpr double norm_eps = 1e-6;  // of every norm in the VAE

Conv2d conv3x3(std::int64_t in_channels, std::int64_t out_channels) {
    return Conv2d(Conv2dOptions{.in_channels = in_channels, .out_channels = out_channels});
}

ResnetBlock2D resnet(std::int64_t in_channels, std::int64_t out_channels, std::int64_t groups) {
    return ResnetBlock2D(ResnetBlock2DOptions{
        .in_channels = in_channels, .out_channels = out_channels, .groups = groups, .eps = norm_eps});
}

ModuleVector<ResnetBlock2D> make_resnets(std::int64_t in_channels, std::int64_t out_channels,
                                         std::int64_t count, std::int64_t groups) {
    ModuleVector<ResnetBlock2D> resnets;
    for (std::int64_t i = 0; i < count; ++i)
        resnets->push_back(resnet(i == 0 ? in_channels : out_channels, out_channels, groups));
    return resnets;
}

}  // namespace

DownEncoderBlock2DImpl::DownEncoderBlock2DImpl(std::int64_t in_channels, std::int64_t out_channels,
                                               std::int64_t layers, std::int64_t groups, bool downsample)
    : resnets(register_module("resnets", make_resnets(in_channels, out_channels, layers, groups))),
      downsamplers(register_module("downsamplers", ModuleVector<Downsample2D>())) {
    constexpr bool asymmetric = true;
    if (downsample) downsamplers->push_back(Downsample2D(out_channels, asymmetric));
}

torch::Tensor DownEncoderBlock2DImpl::forward(torch::Tensor x) {
    for (auto& block : *resnets) x = block(x);
    for (auto& downsampler : *downsamplers) x = downsampler(x);
    return observed(*this, x);
}

UNetMidBlock2DImpl::UNetMidBlock2DImpl(std::int64_t channels, std::int64_t groups)
    : attentions(register_module("attentions", ModuleVector<Attention>())),
      resnets(register_module("resnets", make_resnets(channels, channels, 2, groups))) {
    attentions->push_back(Attention(AttentionOptions{.query_dim = channels,
                                                     .context_dim = channels,
                                                     .heads = 1,
                                                     .dim_head = channels,
                                                     .bias = true,
                                                     .norm_groups = groups,
                                                     .norm_eps = norm_eps}));
}

torch::Tensor UNetMidBlock2DImpl::forward(torch::Tensor x) {
    x = resnets[0](x);
    x = attentions[0]->forward_2d(x);
    return observed(*this, resnets[1](x));
}

UpDecoderBlock2DImpl::UpDecoderBlock2DImpl(std::int64_t in_channels, std::int64_t out_channels,
                                           std::int64_t layers, std::int64_t groups, bool upsample)
    : resnets(register_module("resnets", make_resnets(in_channels, out_channels, layers, groups))),
      upsamplers(register_module("upsamplers", ModuleVector<Upsample2D>())) {
    if (upsample) upsamplers->push_back(Upsample2D(out_channels));
}

torch::Tensor UpDecoderBlock2DImpl::forward(torch::Tensor x) {
    for (auto& block : *resnets) x = block(x);
    for (auto& upsampler : *upsamplers) x = upsampler(x, 2 * x.size(2), 2 * x.size(3));
    return observed(*this, x);
}

EncoderImpl::EncoderImpl(const CoderOptions& o)
    : conv_in(register_module("conv_in", conv3x3(o.image_channels, o.block_out_channels.front()))),
      down_blocks(register_module("down_blocks", ModuleVector<DownEncoderBlock2D>())),
      mid_block(register_module("mid_block", UNetMidBlock2D(o.block_out_channels.back(), o.norm_num_groups))),
      conv_norm_out(register_module("conv_norm_out",
                                    GroupNorm(o.norm_num_groups, o.block_out_channels.back(), norm_eps))),
      conv_out(register_module("conv_out", conv3x3(o.block_out_channels.back(), 2 * o.latent_channels))) {
    const auto& channels = o.block_out_channels;
    for (std::size_t i = 0; i < channels.size(); ++i)
        down_blocks->push_back(DownEncoderBlock2D(channels[i == 0 ? 0 : i - 1], channels[i],
                                                  o.layers_per_block, o.norm_num_groups,
                                                  i + 1 < channels.size()));
}

torch::Tensor EncoderImpl::forward(torch::Tensor x) {
    x = conv_in(x.contiguous(torch::MemoryFormat::ChannelsLast));
    for (auto& block : *down_blocks) x = block(x);
    x = mid_block(x);
    return observed(*this, conv_out(conv_norm_out->forward_silu(x)));
}

DecoderImpl::DecoderImpl(const CoderOptions& o)
    : conv_in(register_module("conv_in", conv3x3(o.latent_channels, o.block_out_channels.back()))),
      mid_block(register_module("mid_block", UNetMidBlock2D(o.block_out_channels.back(), o.norm_num_groups))),
      up_blocks(register_module("up_blocks", ModuleVector<UpDecoderBlock2D>())),
      conv_norm_out(register_module("conv_norm_out",
                                    GroupNorm(o.norm_num_groups, o.block_out_channels.front(), norm_eps))),
      conv_out(register_module("conv_out", conv3x3(o.block_out_channels.front(), o.image_channels))) {
    const auto& channels = o.block_out_channels;
    for (std::size_t i = channels.size(); i-- > 0;)
        up_blocks->push_back(UpDecoderBlock2D(channels[std::min(i + 1, channels.size() - 1)], channels[i],
                                              o.layers_per_block + 1, o.norm_num_groups, i > 0));
}

torch::Tensor DecoderImpl::forward(torch::Tensor z) {
    auto x = conv_in(z.contiguous(torch::MemoryFormat::ChannelsLast));
    x = mid_block(x);
    for (auto& block : *up_blocks) x = block(x);
    return observed(*this, conv_out(conv_norm_out->forward_silu(x)));
}

}  // namespace hra

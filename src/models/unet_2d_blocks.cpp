// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "models/unet_2d_blocks.h"

#include <torch/torch.h>

#include "nn/observer.h"

namespace hra {
namespace {

ResnetBlock2D resnet(std::int64_t in_channels, const UNetBlockOptions& o) {
    return ResnetBlock2D(ResnetBlock2DOptions{.in_channels = in_channels,
                                              .out_channels = o.out_channels,
                                              .temb_channels = o.temb_channels,
                                              .groups = o.norm_num_groups,
                                              .eps = o.norm_eps});
}

Transformer2DModel transformer(const UNetBlockOptions& o) {
    return Transformer2DModel(Transformer2DOptions{.channels = o.out_channels,
                                                   .heads = o.heads,
                                                   .cross_attention_dim = o.cross_attention_dim,
                                                   .layers = o.transformer_layers,
                                                   .norm_num_groups = o.norm_num_groups,
                                                   .use_linear_projection = o.use_linear_projection});
}

torch::Tensor take_last(std::vector<torch::Tensor>& skips) {
    auto last = std::move(skips.back());
    skips.pop_back();
    return last;
}

}  // namespace

DownBlock2DImpl::DownBlock2DImpl(std::int64_t in_channels, const UNetBlockOptions& o)
    : resnets(register_module("resnets", ModuleVector<ResnetBlock2D>())),
      attentions(register_module("attentions", ModuleVector<Transformer2DModel>())),
      downsamplers(register_module("downsamplers", ModuleVector<Downsample2D>())) {
    for (std::int64_t i = 0; i < o.layers; ++i) {
        resnets->push_back(resnet(i == 0 ? in_channels : o.out_channels, o));
        if (o.cross_attention) attentions->push_back(transformer(o));
    }
    if (o.resample) downsamplers->push_back(Downsample2D(o.out_channels));
}

torch::Tensor DownBlock2DImpl::forward(torch::Tensor x, const torch::Tensor& temb, const TextContext& text,
                                       std::vector<torch::Tensor>& skips) {
    for (std::size_t i = 0; i < resnets->size(); ++i) {
        x = resnets[i](x, temb);
        if (!attentions->empty()) x = attentions[i](x, text);
        skips.push_back(x);
    }
    for (auto& downsampler : *downsamplers) {
        x = downsampler(x);
        skips.push_back(x);
    }
    return observed(*this, x);
}

UNetMidBlock2DCrossAttnImpl::UNetMidBlock2DCrossAttnImpl(const UNetBlockOptions& o)
    : attentions(register_module("attentions", ModuleVector<Transformer2DModel>())),
      resnets(register_module("resnets", ModuleVector<ResnetBlock2D>())) {
    resnets->push_back(resnet(o.out_channels, o));
    attentions->push_back(transformer(o));
    resnets->push_back(resnet(o.out_channels, o));
}

torch::Tensor UNetMidBlock2DCrossAttnImpl::forward(torch::Tensor x, const torch::Tensor& temb,
                                                   const TextContext& text) {
    x = resnets[0](x, temb);
    x = attentions[0](x, text);
    return observed(*this, resnets[1](x, temb));
}

UpBlock2DImpl::UpBlock2DImpl(std::int64_t in_channels, std::int64_t prev_out_channels,
                             const UNetBlockOptions& o)
    : resnets(register_module("resnets", ModuleVector<ResnetBlock2D>())),
      attentions(register_module("attentions", ModuleVector<Transformer2DModel>())),
      upsamplers(register_module("upsamplers", ModuleVector<Upsample2D>())) {
    for (std::int64_t i = 0; i < o.layers; ++i) {
        const auto skip_channels = i == o.layers - 1 ? in_channels : o.out_channels;
        resnets->push_back(resnet((i == 0 ? prev_out_channels : o.out_channels) + skip_channels, o));
        if (o.cross_attention) attentions->push_back(transformer(o));
    }
    if (o.resample) upsamplers->push_back(Upsample2D(o.out_channels));
}

torch::Tensor UpBlock2DImpl::forward(torch::Tensor x, const torch::Tensor& temb, const TextContext& text,
                                     std::vector<torch::Tensor>& skips) {
    for (std::size_t i = 0; i < resnets->size(); ++i) {
        x = resnets[i](torch::cat({x, take_last(skips)}, 1), temb);
        if (!attentions->empty()) x = attentions[i](x, text);
    }
    for (auto& upsampler : *upsamplers) x = upsampler(x, skips.back().size(2), skips.back().size(3));
    return observed(*this, x);
}

}  // namespace hra

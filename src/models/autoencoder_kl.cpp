// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "models/autoencoder_kl.h"

#include <torch/torch.h>

#include "core/error.h"
#include "models/config_checks.h"
#include "models/tiling.h"

namespace hra {
namespace {

CoderOptions coder_options(const AutoencoderKLConfig& c, std::int64_t image_channels) {
    return {.image_channels = image_channels,
            .latent_channels = c.latent_channels,
            .block_out_channels = c.block_out_channels,
            .layers_per_block = c.layers_per_block,
            .norm_num_groups = c.norm_num_groups};
}

}  // namespace

AutoencoderKLConfig AutoencoderKLConfig::from_json(const Json& json, std::string_view where) {
    using detail::positive;
    check(json.is_object(), where, "wanted a JSON object, got ", json.type_name());
    detail::check_only_values(json,
                              {{"act_fn", "silu"},
                               {"shift_factor", nullptr},
                               {"latents_mean", nullptr},
                               {"latents_std", nullptr},
                               {"use_quant_conv", true},
                               {"use_post_quant_conv", true},
                               {"mid_block_add_attention", true}},
                              where);
    const AutoencoderKLConfig d;
    AutoencoderKLConfig c;
    c.in_channels = positive(json, "in_channels", d.in_channels, detail::max_channels, where);
    c.out_channels = positive(json, "out_channels", d.out_channels, detail::max_channels, where);
    c.norm_num_groups = positive(json, "norm_num_groups", d.norm_num_groups, detail::max_channels, where);
    c.block_out_channels =
        detail::channel_list(json, "block_out_channels", d.block_out_channels, c.norm_num_groups, where);
    c.layers_per_block = positive(json, "layers_per_block", d.layers_per_block, detail::max_layers, where);
    c.latent_channels = positive(json, "latent_channels", d.latent_channels, detail::max_channels, where);
    c.sample_size = positive(json, "sample_size", d.sample_size, detail::max_channels, where);
    c.scaling_factor = json_value<double>(json, "scaling_factor", d.scaling_factor, where);
    check(c.scaling_factor > 0, where, "wanted a positive \"scaling_factor\", got ", c.scaling_factor);
    const auto blocks = c.block_out_channels.size();
    const std::vector<std::string> down(blocks, "DownEncoderBlock2D"), up(blocks, "UpDecoderBlock2D");
    detail::block_types(json, "down_block_types", down, blocks, {"DownEncoderBlock2D"}, where);
    detail::block_types(json, "up_block_types", up, blocks, {"UpDecoderBlock2D"}, where);
    return c;
}

DiagonalGaussianDistribution::DiagonalGaussianDistribution(const torch::Tensor& moments)
    : mean(moments.chunk(2, 1)[0]), logvar(moments.chunk(2, 1)[1].clamp(-30, 20)) {}

torch::Tensor DiagonalGaussianDistribution::sample(const torch::Tensor& noise) const {
    return mean + torch::exp(0.5 * logvar) * noise;
}

AutoencoderKLImpl::AutoencoderKLImpl(const AutoencoderKLConfig& c)
    : config(c),
      encoder(register_module("encoder", Encoder(coder_options(c, c.in_channels)))),
      decoder(register_module("decoder", Decoder(coder_options(c, c.out_channels)))),
      quant_conv(
          register_module("quant_conv", Conv2d(conv1x1(2 * c.latent_channels, 2 * c.latent_channels)))),
      post_quant_conv(
          register_module("post_quant_conv", Conv2d(conv1x1(c.latent_channels, c.latent_channels)))) {}

std::int64_t AutoencoderKLImpl::tile_pixels() const {
    return memory.tile_size > 0 ? memory.tile_size : config.sample_size;
}

torch::Tensor AutoencoderKLImpl::run(const torch::Tensor& x, std::int64_t tile_in, std::int64_t tile_out,
                                     const Coder& coder) {
    const bool tile = memory.tiling && (x.size(2) > tile_in || x.size(3) > tile_in);
    const Coder work = [&](const torch::Tensor& part) {
        return tile ? tiled(part, {tile_in, tile_out, memory.tile_overlap_factor}, coder) : coder(part);
    };
    if (!memory.slicing || x.size(0) == 1) return work(x);
    std::vector<torch::Tensor> parts;
    for (const auto& part : x.split(1)) parts.push_back(work(part));
    return torch::cat(parts);
}

DiagonalGaussianDistribution AutoencoderKLImpl::encode(const torch::Tensor& pixels) {
    check(pixels.dim() == 4 && pixels.size(1) == config.in_channels, "AutoencoderKL",
          "wanted pixels [batch, ", config.in_channels, ", height, width], got ", pixels.sizes());
    return DiagonalGaussianDistribution(
        run(pixels.to(quant_conv->weight.scalar_type()), tile_pixels(), tile_pixels() / config.downscale(),
            [this](const torch::Tensor& part) { return quant_conv(encoder(part)); }));
}

torch::Tensor AutoencoderKLImpl::decode(const torch::Tensor& latents) {
    check(latents.dim() == 4 && latents.size(1) == config.latent_channels, "AutoencoderKL",
          "wanted latents [batch, ", config.latent_channels, ", height, width], got ", latents.sizes());
    return run(latents.to(quant_conv->weight.scalar_type()), tile_pixels() / config.downscale(),
               tile_pixels(), [this](const torch::Tensor& part) { return decoder(post_quant_conv(part)); });
}

}  // namespace hra

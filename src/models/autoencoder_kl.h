// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The image autoencoder of Stable Diffusion (diffusers: models/autoencoders/autoencoder_kl.py,
// AutoencoderKL).
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "models/vae.h"

namespace hra {

/// vae/config.json. The defaults are those of Stable Diffusion v1.5.
struct AutoencoderKLConfig {
    std::int64_t in_channels = 3;
    std::int64_t out_channels = 3;
    std::vector<std::int64_t> block_out_channels{128, 256, 512, 512};
    std::int64_t layers_per_block = 2;
    std::int64_t latent_channels = 4;
    std::int64_t norm_num_groups = 32;
    std::int64_t sample_size = 512;  // pixels it was trained at, and the size of a tile
    /// Latents are multiplied by it before the UNet sees them and divided by it before decode().
    double scaling_factor = 0.18215;

    /// Pixels for each latent element, along one side.
    std::int64_t downscale() const { return std::int64_t{1} << (block_out_channels.size() - 1); }

    /// Unknown keys are allowed; throws Error("[where] ...") on wrong or unsupported values.
    static AutoencoderKLConfig from_json(const Json& config, std::string_view where);
};

/// What encode() returns: a normal distribution for each latent element.
struct DiagonalGaussianDistribution {
    torch::Tensor mean, logvar;  // [B, latent_channels, h, w]; logvar is from -30 to 20

    /// moments [B, 2 latent_channels, h, w]: means, then log variances, which are clamped.
    explicit DiagonalGaussianDistribution(const torch::Tensor& moments);

    /// mean + exp(logvar / 2) · noise, with standard normal noise of mean's shape.
    torch::Tensor sample(const torch::Tensor& noise) const;
    const torch::Tensor& mode() const { return mean; }
};

/// How to bound the memory of large pictures and batches.
struct VAEMemory {
    bool slicing = false;               // one picture of the batch at a time: the same numbers
    bool tiling = false;                // overlapping tiles, blended: nearly the same picture
    std::int64_t tile_size = 0;         // pixels, a multiple of the downscale; 0 for sample_size
    double tile_overlap_factor = 0.25;  // of a tile
};

struct AutoencoderKLImpl : torch::nn::Module {
    explicit AutoencoderKLImpl(const AutoencoderKLConfig& config);

    /// Pixels [B, in_channels, H, W], -1 to 1 -> unscaled latents of H and W divided by the downscale.
    DiagonalGaussianDistribution encode(const torch::Tensor& pixels);
    /// Unscaled latents [B, latent_channels, h, w] -> pixels [B, out_channels, H, W], about -1 to 1.
    torch::Tensor decode(const torch::Tensor& latents);

    AutoencoderKLConfig config;
    VAEMemory memory;
    Encoder encoder;
    Decoder decoder;
    Conv2d quant_conv;
    Conv2d post_quant_conv;

private:
    using Coder = std::function<torch::Tensor(const torch::Tensor&)>;
    std::int64_t tile_pixels() const;
    torch::Tensor run(const torch::Tensor& x, std::int64_t tile_in, std::int64_t tile_out,
                      const Coder& coder);
};
TORCH_MODULE(AutoencoderKL);

}  // namespace hra

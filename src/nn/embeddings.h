// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Time step embeddings (diffusers: models/embeddings.py, get_timestep_embedding, TimestepEmbedding).
#pragma once

#include <cstdint>

#include "nn/layers.h"

namespace hra {

/// Sines and cosines at geometric frequencies from 1 down to 1/10000. timesteps [B], integers or floats ->
/// float32 [B, dim]: sines first, or cosines first with flip_sin_to_cos; an odd dim ends with a zero.
torch::Tensor get_timestep_embedding(const torch::Tensor& timesteps, std::int64_t dim,
                                     bool flip_sin_to_cos = true, double downscale_freq_shift = 0);

struct TimestepEmbeddingImpl : torch::nn::Module {
    TimestepEmbeddingImpl(std::int64_t in_channels, std::int64_t time_embed_dim);

    /// [B, in_channels] -> [B, time_embed_dim].
    torch::Tensor forward(const torch::Tensor& sample);

    Linear linear_1;
    Linear linear_2;
};
TORCH_MODULE(TimestepEmbedding);

}  // namespace hra

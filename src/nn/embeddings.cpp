// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "nn/embeddings.h"

#include <cmath>

#include <torch/torch.h>

#include "nn/observer.h"

namespace hra {

torch::Tensor get_timestep_embedding(const torch::Tensor& timesteps, std::int64_t dim, bool flip_sin_to_cos,
                                     double downscale_freq_shift) {
    constexpr double max_period = 10000;
    const std::int64_t half = dim / 2;
    const auto options = torch::TensorOptions(torch::kFloat32).device(timesteps.device());
    const auto exponent = torch::arange(half, options) * -std::log(max_period) /
                          (static_cast<double>(half) - downscale_freq_shift);
    const auto angles = timesteps.to(torch::kFloat32).unsqueeze(1) * exponent.exp().unsqueeze(0);
    const auto sines = angles.sin();
    const auto cosines = angles.cos();
    auto embedding = torch::cat({flip_sin_to_cos ? cosines : sines, flip_sin_to_cos ? sines : cosines}, 1);
    return dim % 2 == 0 ? embedding : torch::constant_pad_nd(embedding, {0, 1});
}

TimestepEmbeddingImpl::TimestepEmbeddingImpl(std::int64_t in_channels, std::int64_t time_embed_dim)
    : linear_1(register_module("linear_1", Linear(in_channels, time_embed_dim))),
      linear_2(register_module("linear_2", Linear(time_embed_dim, time_embed_dim))) {}

torch::Tensor TimestepEmbeddingImpl::forward(const torch::Tensor& sample) {
    return observed(*this, linear_2(torch::silu(linear_1(sample))));
}

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The numerical functions that every layer goes through: the one place to choose an implementation.
// Letters in shapes: B batch, C channels, H and W height and width, L tokens, d size of a head.
#pragma once

#include <cstdint>

#include <torch/types.h>

namespace hra {

/// softmax(q kᵀ / √d) v for each head. q [B, Lq, heads·d], k and v [B, Lk, heads·d] -> [B, Lq, heads·d].
/// With `causal`, token i sees the tokens 0 ... i only (Lq = Lk).
torch::Tensor attention(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v,
                        std::int64_t heads, bool causal = false);

/// x [B, C, ...], weight and bias [C] -> the shape, dtype and memory format of x. The statistics are float32
/// or better, whatever the dtype of x.
torch::Tensor group_norm(const torch::Tensor& x, std::int64_t groups, const torch::Tensor& weight,
                         const torch::Tensor& bias, double eps);

/// silu(group_norm(x)).
torch::Tensor group_norm_silu(const torch::Tensor& x, std::int64_t groups, const torch::Tensor& weight,
                              const torch::Tensor& bias, double eps);

/// Over the last dimension: x [..., C], weight and bias [C]. Statistics as in group_norm.
torch::Tensor layer_norm(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                         double eps);

/// x [..., 2 C] -> first half times gelu(second half), [..., C].
torch::Tensor geglu(const torch::Tensor& x);

/// x · sigmoid(1.702 x), the activation of OpenAI's CLIP.
torch::Tensor quick_gelu(const torch::Tensor& x);

/// x [..., in], weight [out, in], bias [out] or undefined -> [..., out].
torch::Tensor linear(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias);

/// x [B, in, H, W], weight [out, in, k, k], bias [out] or undefined; zero padding on all four sides.
torch::Tensor conv2d(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                     std::int64_t stride, std::int64_t padding);

/// Nearest-neighbour resize: x [B, C, h, w] -> [B, C, height, width].
torch::Tensor upsample_nearest(const torch::Tensor& x, std::int64_t height, std::int64_t width);

}  // namespace hra

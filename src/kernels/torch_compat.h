// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The places where LibTorch 1.13 and later releases differ; nothing else asks for the version.
#pragma once

#include <cmath>
#include <limits>

#include <torch/types.h>
#include <torch/version.h>

namespace hra::compat {

/// softmax(q k^T / sqrt(d)) v with q, k, v [B, heads, L, d]; causal: query i sees keys up to i.
/// Differentiable. Newer releases choose a fused kernel where the device has one.
inline torch::Tensor scaled_dot_product_attention(const torch::Tensor& q, const torch::Tensor& k,
                                                  const torch::Tensor& v, bool causal) {
#if TORCH_VERSION_MAJOR >= 2
    return at::scaled_dot_product_attention(q, k, v, {}, 0.0, causal);
#else
    auto scores = torch::matmul(q, k.transpose(-2, -1)) / std::sqrt(static_cast<double>(q.size(-1)));
    if (causal) {
        const auto later = torch::ones({q.size(-2), k.size(-2)}, q.options().dtype(torch::kBool)).triu(1);
        scores = scores.masked_fill(later, -std::numeric_limits<double>::infinity());
    }
    return torch::matmul(torch::softmax(scores, -1), v);
#endif
}

}  // namespace hra::compat

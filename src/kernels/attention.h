// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Multi-head attention as the models call it: straight from the linear layers, no transposes, no masks but
// the causal one.
#pragma once

#include <torch/types.h>

namespace hra {

/// softmax(q k^T / sqrt(d)) v per head, with d = C / heads. q [B, Lq, C], k and v [B, Lk, C], one dtype and
/// device; any strides. Causal: query i sees keys up to i. Returns [B, Lq, C]. Differentiable; on the CPU
/// neither direction stores the score matrix, and sums are fp32 for every dtype up to fp32.
/// Error: shapes that do not fit, or C not a multiple of heads.
torch::Tensor attention(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v, int64_t heads,
                        bool causal = false);

/// The same by its definition, with the whole score matrix: the judge of the fast one.
torch::Tensor attention_reference(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v,
                                  int64_t heads, bool causal = false);

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Blocked attention with a streaming softmax for the CPU; the score matrix is never stored.
#pragma once

#include <torch/types.h>

namespace hra::detail {

/// softmax(q k^T / sqrt(d)) v per head. q [B, Lq, heads*d], k and v [B, Lk, heads*d], all on the CPU
/// with one dtype of fp32, bf16 and fp16; sums in fp32 whatever the dtype. Causal: query i sees keys
/// up to i. Returns [B, Lq, heads*d]. Not differentiable. Shapes are the caller's to check.
torch::Tensor attention_tiled(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v,
                              int64_t heads, bool causal);

}  // namespace hra::detail

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Group and layer normalisation with fp32 statistics for every dtype, and the activations that follow them.
#pragma once

#include <torch/types.h>

namespace hra {

/// x [B, C, ...] normalised over groups of C / groups channels; weight and bias [C]. Result in x's dtype and
/// memory format. Differentiable. Fast for channels_last x on the CPU when no gradient is asked for.
/// Error: C not a multiple of groups.
torch::Tensor group_norm(const torch::Tensor& x, int64_t groups, const torch::Tensor& weight,
                         const torch::Tensor& bias, double eps);

/// silu(group_norm(...)) in one pass.
torch::Tensor group_norm_silu(const torch::Tensor& x, int64_t groups, const torch::Tensor& weight,
                              const torch::Tensor& bias, double eps);

/// x [..., C] normalised over C; weight and bias [C]. Result in x's dtype. Differentiable.
torch::Tensor layer_norm(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                         double eps);

/// projected [..., 2 C] -> first half * gelu(second half), with the exact (erf) gelu. Differentiable.
/// (diffusers: models/activations.py, GEGLU)
torch::Tensor geglu(const torch::Tensor& projected);

}  // namespace hra

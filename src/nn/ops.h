// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Small functions without weights. Letters in shapes: B batch, C channels, H and W height and width, L
// tokens.
#pragma once

#include <cstdint>

#include <torch/types.h>

namespace hra {

/// x · sigmoid(1.702 x), the activation of OpenAI's CLIP.
torch::Tensor quick_gelu(const torch::Tensor& x);

/// Nearest-neighbour resize: x [B, C, h, w] -> [B, C, height, width].
torch::Tensor upsample_nearest(const torch::Tensor& x, std::int64_t height, std::int64_t width);

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Pictures as token lists and back. Both are views when the picture is channels_last in memory.
#pragma once

#include <cstdint>

#include <torch/types.h>

namespace hra {

/// x [B, C, H, W] -> [B, H·W, C].
inline torch::Tensor to_tokens(const torch::Tensor& x) {
    return x.permute({0, 2, 3, 1}).reshape({x.size(0), x.size(2) * x.size(3), x.size(1)});
}

/// tokens [B, H·W, C] -> [B, C, H, W], channels_last in memory.
inline torch::Tensor from_tokens(const torch::Tensor& tokens, std::int64_t height, std::int64_t width) {
    return tokens.reshape({tokens.size(0), height, width, tokens.size(2)}).permute({0, 3, 1, 2});
}

}  // namespace hra

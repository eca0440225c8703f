// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// From torch dtypes to the element types of the tile kernels.
#pragma once

#include <torch/types.h>

#include "kernels/tile_kernels.h"

namespace hra::detail {

inline bool is_tile_type(torch::ScalarType type) {
    return type == torch::kFloat || type == torch::kBFloat16 || type == torch::kHalf;
}

/// `type` must satisfy is_tile_type.
inline ElementType element_type(torch::ScalarType type) {
    if (type == torch::kBFloat16) return ElementType::bf16;
    return type == torch::kHalf ? ElementType::f16 : ElementType::f32;
}

}  // namespace hra::detail

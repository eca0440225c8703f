// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Tensors over bytes of a file, and the arithmetic that keeps untrusted shapes within bounds.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <torch/types.h>

namespace hra {

/// Keeps the bytes of a view alive, for example a MappedFile.
using Owner = std::shared_ptr<const void>;

/// Bytes of a dense tensor. Throws Error("[where] ...") on negative extents, more than 64 dimensions, or when
/// the product, with empty extents counted as 1, exceeds 63 bits.
std::int64_t size_in_bytes(std::span<const std::int64_t> shape, torch::ScalarType dtype,
                           std::string_view where);

/// A dense CPU tensor over `bytes`, which are at least as many as the shape takes (see size_in_bytes). Copies
/// when the address suits the dtype ill. Writing to the tensor writes to the bytes.
torch::Tensor tensor_over(std::span<const std::uint8_t> bytes, std::span<const std::int64_t> shape,
                          torch::ScalarType dtype, const Owner& owner);

}  // namespace hra

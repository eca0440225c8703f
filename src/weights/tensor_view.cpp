// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "weights/tensor_view.h"

#include <algorithm>
#include <cstring>

#include <torch/types.h>

#include "core/error.h"

namespace hra {

constexpr std::size_t max_dimensions = 64;  // what torch's element-wise operations can do

std::int64_t size_in_bytes(std::span<const std::int64_t> shape, torch::ScalarType dtype,
                           std::string_view where) {
    check(shape.size() <= max_dimensions, where, "wanted at most ", max_dimensions, " dimensions, got ",
          shape.size());
    auto size = static_cast<std::int64_t>(torch::elementSize(dtype));
    bool empty = false;
    for (const std::int64_t extent : shape) {
        check(extent >= 0, where, "wanted extents of at least 0, got ", extent);
        empty |= extent == 0;
        check(!__builtin_mul_overflow(size, std::max<std::int64_t>(extent, 1), &size), where,
              "wanted a shape that fits in memory, got an overflow");
    }
    return empty ? 0 : size;
}

torch::Tensor tensor_over(std::span<const std::uint8_t> bytes, std::span<const std::int64_t> shape,
                          torch::ScalarType dtype, const Owner& owner) {
    const auto options = torch::TensorOptions().dtype(dtype);
    const at::IntArrayRef sizes(shape.data(), shape.size());
    if (bytes.empty()) return torch::empty(sizes, options);
    // from_blob wants a mutable pointer; mappings are copy-on-write, so the file is safe.
    auto* data = const_cast<std::uint8_t*>(bytes.data());
    if (reinterpret_cast<std::uintptr_t>(data) % torch::elementSize(dtype) == 0)
        return torch::from_blob(
            data, sizes, [owner](void*) {}, options);
    torch::Tensor copy = torch::empty(sizes, options);
    std::memcpy(copy.data_ptr(), data, copy.nbytes());
    return copy;
}

}  // namespace hra

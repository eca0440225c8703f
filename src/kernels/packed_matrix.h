// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// A weight matrix laid out once for the tile kernels, and the blocked product with it.
#pragma once

#include <functional>

#include <torch/types.h>

namespace hra::detail {

/// Writes rows [row, row + rows) x columns [column, column + columns) of the left matrix as fp32 to `dst`,
/// row stride `ld`.
using BlockLoader =
    std::function<void(int64_t row, int64_t rows, int64_t column, int64_t columns, float* dst, int64_t ld)>;

class PackedMatrix {
public:
    /// weight [out, in] on the CPU; `storage` (fp32, bf16 or fp16) is how the packed copy is held.
    PackedMatrix(const torch::Tensor& weight, torch::ScalarType storage);

    int64_t in() const { return in_; }
    int64_t out() const { return out_; }

    /// y [rows, out] = A weight^T + bias with A [rows, in] read through `load`; fp32 sums. y is contiguous
    /// fp32, bias contiguous fp32 or undefined. Same result for any number of threads.
    void multiply(const BlockLoader& load, int64_t rows, const torch::Tensor& bias, torch::Tensor& y) const;

    /// The plain weight [out, in], in fp32.
    torch::Tensor unpack() const;

private:
    struct Block;
    void multiply_block(const Block& block, const BlockLoader& load, float* scratch) const;

    int64_t in_, out_;
    torch::Tensor panels_;  // [panel, in, columns of a panel]
};

}  // namespace hra::detail

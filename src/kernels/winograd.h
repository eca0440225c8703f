// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// 3x3 convolution, stride 1, padding 1, by Winograd's F(4x4, 3x3): a quarter of the multiplications.
#pragma once

#include <torch/types.h>

namespace hra::detail {

/// The weights stay 3x3 in memory; they are transformed block by block where they are used, which costs a
/// few percent and no memory.
class WinogradConv2d {
public:
    /// weight [out, in, 3, 3]; `storage` (fp32, bf16 or fp16) is how it is held.
    WinogradConv2d(const torch::Tensor& weight, torch::ScalarType storage);

    /// x [B, in, H, W] fp32 and channels_last-contiguous; bias [out] fp32 contiguous or undefined.
    /// Returns [B, out, H, W] in channels_last. Same result for any number of threads.
    torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& bias) const;

    /// The plain weight [out, in, 3, 3], in fp32.
    torch::Tensor unpack() const;

private:
    struct Job;
    void transform_input(const Job& job, int64_t begin, int64_t end) const;
    void multiply(const Job& job, int64_t chunk, int64_t row, float* scratch) const;
    void transform_output(const Job& job, int64_t begin, int64_t end) const;

    int64_t in_, out_;
    torch::Tensor panels_;  // [panel, in, 9, columns of a panel]
};

}  // namespace hra::detail

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Frozen linear and convolution layers for the CPU. The packed weight replaces the plain one: it may be held
// in half precision and is widened where it is used, so products and sums are fp32 either way.
#pragma once

#include <optional>

#include <torch/types.h>

#include "kernels/packed_matrix.h"
#include "kernels/winograd.h"

namespace hra {

/// y = x W^T + b. No gradients flow through it.
class PackedLinear {
public:
    /// weight [out, in], bias [out] or undefined, on the CPU. `storage`: fp32, bf16 or fp16.
    PackedLinear(const torch::Tensor& weight, const torch::Tensor& bias, torch::ScalarType storage);

    /// x [..., in] in fp32, bf16 or fp16, any strides. Returns [..., out] in x's dtype, contiguous.
    /// The same result for any number of threads. Error: a last dimension that is not `in`.
    torch::Tensor forward(const torch::Tensor& x) const;

    /// The plain weight [out, in] in fp32, rounded as stored.
    torch::Tensor weight() const { return matrix_.unpack(); }

private:
    detail::PackedMatrix matrix_;
    torch::Tensor bias_;
};

struct PackedConv2dOptions {
    int64_t stride = 1;
    int64_t padding = 0;
    torch::ScalarType storage = torch::kFloat;
    /// 3x3 layers of stride 1 and padding 1 may use Winograd's algorithm: up to four times fewer
    /// multiplications, rounding errors about ten times those of the direct sum (3e-6 of the output, rms).
    bool winograd = true;
};

/// Two-dimensional convolution, one group, no dilation. No gradients flow through it.
class PackedConv2d {
public:
    /// weight [out, in, kh, kw], bias [out] or undefined, on the CPU.
    PackedConv2d(const torch::Tensor& weight, const torch::Tensor& bias, const PackedConv2dOptions& options);

    /// x [B, in, H, W] in fp32, bf16 or fp16; channels_last saves a copy. Returns [B, out, H', W'] in x's
    /// dtype and channels_last. The same result for any number of threads. Error: other channels than `in`.
    torch::Tensor forward(const torch::Tensor& x) const;

    /// The plain weight [out, in, kh, kw] in fp32, rounded as stored.
    torch::Tensor weight() const;

private:
    torch::Tensor direct(const torch::Tensor& x) const;

    PackedConv2dOptions options_;
    int64_t in_, out_, kernel_height_, kernel_width_;
    torch::Tensor bias_;
    std::optional<detail::PackedMatrix> matrix_;
    std::optional<detail::WinogradConv2d> winograd_;
};

}  // namespace hra

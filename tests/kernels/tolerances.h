// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// How near a fast kernel must come to its float64 reference, by dtype, and helpers shared by these tests.
#pragma once

#include <ATen/Parallel.h>
#include <torch/types.h>

#include "support/expect_close.h"

namespace hra::test {

/// fp32 sums of a few thousand products of unit size: about 40 roundings of 2^-24, relative to the largest.
constexpr Tolerance kFp32{1e-7, 5e-6};
/// One rounding of the result to 8 bits of mantissa (2^-9), and fp32 below.
constexpr Tolerance kBf16{1e-6, 4.1e-3};
/// One rounding of the result to 11 bits of mantissa (2^-12), and fp32 below.
constexpr Tolerance kFp16{1e-6, 5.1e-4};

inline Tolerance tolerance_for(torch::ScalarType type) {
    if (type == torch::kBFloat16) return kBf16;
    return type == torch::kHalf ? kFp16 : kFp32;
}

/// Sets the number of threads while it lives.
class Threads {
public:
    explicit Threads(int count) : before_(at::get_num_threads()) { at::set_num_threads(count); }
    ~Threads() { at::set_num_threads(before_); }
    Threads(const Threads&) = delete;
    Threads& operator=(const Threads&) = delete;

private:
    int before_;
};

}  // namespace hra::test

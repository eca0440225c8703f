// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Tensor comparison for tests that says where and by how much two tensors differ.
#pragma once

#include <gtest/gtest.h>

#include <torch/types.h>

namespace hra::test {

/// |actual - expected| <= absolute + relative * max|expected| for every element. A tolerance is a named
/// constant with its reason beside it.
struct Tolerance {
    double absolute;
    double relative = 0;
};

/// Fails with shape, dtype, worst index, both values, and absolute and relative error. Equal shapes and
/// finite values are required; dtypes may differ (both are compared as float64).
::testing::AssertionResult close(const torch::Tensor& actual, const torch::Tensor& expected,
                                 Tolerance tolerance);

}  // namespace hra::test

#define EXPECT_CLOSE(actual, expected, tolerance) \
    EXPECT_TRUE(::hra::test::close(actual, expected, tolerance)) << #actual

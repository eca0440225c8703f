// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Bitwise comparison of state dicts, for readers that must not change a bit (infinities and NaN included).
#pragma once

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "weights/state_dict.h"

namespace hra::test {

inline ::testing::AssertionResult same_bits(const torch::Tensor& actual, const torch::Tensor& expected) {
    if (actual.scalar_type() != expected.scalar_type())
        return ::testing::AssertionFailure() << actual.dtype() << ", wanted " << expected.dtype();
    if (actual.sizes() != expected.sizes())
        return ::testing::AssertionFailure() << "shape " << actual.sizes() << ", wanted " << expected.sizes();
    const torch::Tensor a = actual.contiguous(), e = expected.contiguous();
    const bool same = a.nbytes() == 0 || std::memcmp(a.data_ptr(), e.data_ptr(), a.nbytes()) == 0;
    return same ? ::testing::AssertionSuccess() : ::testing::AssertionFailure() << "other values";
}

inline void expect_same(const StateDict& actual, const StateDict& expected) {
    for (const auto& [name, tensor] : expected) {
        ASSERT_TRUE(actual.contains(name)) << name;
        EXPECT_TRUE(same_bits(actual.at(name), tensor)) << name;
    }
    for (const auto& [name, tensor] : actual) EXPECT_TRUE(expected.contains(name)) << "unexpected " << name;
}

/// Files of a folder below the fixture root that have this extension, sorted.
inline std::vector<std::filesystem::path> files_with(const std::filesystem::path& folder,
                                                     const std::vector<std::string>& extensions) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (std::find(extensions.begin(), extensions.end(), entry.path().extension()) != extensions.end())
            files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

}  // namespace hra::test

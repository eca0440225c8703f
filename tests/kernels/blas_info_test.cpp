// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "kernels/blas_info.h"

#include <gtest/gtest.h>

#include <ATen/Parallel.h>

#include "kernels/tolerances.h"

namespace hra::test {
namespace {

TEST(BlasInfo, ReferenceLibraryIsSlow) {
    const auto info = detail::blas_from_maps(
        "7f00-7f01 r-xp 00000000 08:01 12 /usr/lib/x86_64-linux-gnu/libc.so.6\n"
        "7f01-7f02 r-xp 00000000 08:01 13 /usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0\n",
        false);
    EXPECT_EQ(info.name, "reference BLAS");
    EXPECT_EQ(info.path, "/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0");
    EXPECT_TRUE(info.slow);
}

TEST(BlasInfo, AFastLibraryBehindTheCommonNameIsFast) {
    const auto info = detail::blas_from_maps(
        "7f01-7f02 r-xp 00000000 08:01 13 /usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3\n", false);
    EXPECT_EQ(info.name, "OpenBLAS");
    EXPECT_FALSE(info.slow);
    EXPECT_EQ(detail::blas_from_maps("", true).name, "MKL");
    EXPECT_EQ(detail::blas_from_maps("", false).name, "unknown");
}

TEST(BlasInfo, ThisProcessHasOne) {
    EXPECT_FALSE(blas_info().name.empty());
}

TEST(SetThreads, TellsLibTorch) {
    const Threads restore(at::get_num_threads());
    EXPECT_EQ(set_threads(2), 2);
    EXPECT_EQ(at::get_num_threads(), 2);
    EXPECT_GE(set_threads(0), 1);
}

}  // namespace
}  // namespace hra::test

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Included before all else: clang 14 instantiates libstdc++'s constexpr vector members too early for
// LibTorch 1.13's vectors of an incomplete type (c10::IValue), so in the fuzz targets std::vector is not
// constexpr.
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#if defined(__clang__) && defined(_GLIBCXX20_CONSTEXPR) && !defined(_GLIBCXX_VECTOR)
#pragma push_macro("_GLIBCXX20_CONSTEXPR")
#undef _GLIBCXX20_CONSTEXPR
#define _GLIBCXX20_CONSTEXPR
#define __fill_a1 \
    fill_bits  // its declaration in <algorithm> is constexpr; std::fill over vector<bool> will not link
#include <vector>
#undef __fill_a1
#pragma pop_macro("_GLIBCXX20_CONSTEXPR")
#endif

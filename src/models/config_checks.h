// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Checks shared by the readers of model configurations: a config file is not trusted, and a wrong one is
// reported before a model allocates anything.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"

namespace hra::detail {

/// More than any model of this family has; a config beyond it is broken.
constexpr std::int64_t max_channels = 1 << 16;
constexpr std::int64_t max_layers = 256;
constexpr std::int64_t max_vocabulary = 1 << 24;

/// A key and the only value of it that the models here implement; null stands for an absent key.
struct OnlyValue {
    const char* key;
    Json value;
};

/// Throws Error at the first key that is there, not null, and differs from its only value.
void check_only_values(const Json& config, std::initializer_list<OnlyValue> values, std::string_view where);

/// An integer from 1 to `max`, or `fallback` where the key is absent.
std::int64_t positive(const Json& config, const char* key, std::int64_t fallback, std::int64_t max,
                      std::string_view where);

/// A list of 1 to 16 channel counts, each divisible by `groups`.
std::vector<std::int64_t> channel_list(const Json& config, const char* key,
                                       const std::vector<std::int64_t>& fallback, std::int64_t groups,
                                       std::string_view where);

/// A list of `count` names out of `known`.
std::vector<std::string> block_types(const Json& config, const char* key,
                                     const std::vector<std::string>& fallback, std::size_t count,
                                     std::initializer_list<std::string_view> known, std::string_view where);

/// A normalisation's eps, from 0 (excluded) to 1.
double epsilon(const Json& config, const char* key, double fallback, std::string_view where);

}  // namespace hra::detail

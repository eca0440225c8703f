// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "models/config_checks.h"

#include <algorithm>

#include "core/error.h"

namespace hra::detail {
namespace {

constexpr std::size_t max_blocks = 16;

}  // namespace

void check_only_values(const Json& config, std::initializer_list<OnlyValue> values, std::string_view where) {
    for (const auto& only : values) {
        const auto found = config.find(only.key);
        if (found == config.end() || found->is_null() || *found == only.value) continue;
        fail(where, "wanted \"", only.key, "\" ", only.value.dump(), ", got ",
             found->dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 60),
             " (models like Stable Diffusion 1 and 2 are supported)");
    }
}

std::int64_t positive(const Json& config, const char* key, std::int64_t fallback, std::int64_t max,
                      std::string_view where) {
    const auto value = json_value<std::int64_t>(config, key, fallback, where);
    check(value >= 1 && value <= max, where, "wanted \"", key, "\" from 1 to ", max, ", got ", value);
    return value;
}

std::vector<std::int64_t> channel_list(const Json& config, const char* key,
                                       const std::vector<std::int64_t>& fallback, std::int64_t groups,
                                       std::string_view where) {
    const auto channels = json_value<std::vector<std::int64_t>>(config, key, fallback, where);
    check(!channels.empty() && channels.size() <= max_blocks, where, "wanted 1 to ", max_blocks,
          " numbers in \"", key, "\", got ", channels.size());
    for (const auto c : channels)
        check(c >= 1 && c <= max_channels && c % groups == 0, where, "wanted multiples of ", groups,
              " (norm_num_groups) up to ", max_channels, " in \"", key, "\", got ", c);
    return channels;
}

std::vector<std::string> block_types(const Json& config, const char* key,
                                     const std::vector<std::string>& fallback, std::size_t count,
                                     std::initializer_list<std::string_view> known, std::string_view where) {
    const auto types = json_value<std::vector<std::string>>(config, key, fallback, where);
    check(types.size() == count, where, "wanted ", count, " names in \"", key,
          "\", one for each of block_out_channels, got ", types.size());
    for (const auto& type : types)
        check(std::find(known.begin(), known.end(), type) != known.end(), where, "wanted only ",
              *known.begin(), known.size() > 1 ? " or " : "",
              known.size() > 1 ? *(known.begin() + 1) : std::string_view(), " in \"", key, "\", got \"",
              type.substr(0, 60), '"');
    return types;
}

double epsilon(const Json& config, const char* key, double fallback, std::string_view where) {
    const auto value = json_value<double>(config, key, fallback, where);
    check(value > 0 && value <= 1, where, "wanted \"", key, "\" between 0 and 1, got ", value);
    return value;
}

}  // namespace hra::detail

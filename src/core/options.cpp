// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "core/options.h"

#include <algorithm>
#include <numeric>

namespace hra {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0]++;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
        }
    }
    return row.back();
}

}  // namespace

std::string nearest_name(std::string_view word, const std::vector<std::string>& names) {
    std::string best;
    std::size_t best_distance = std::max<std::size_t>(2, word.size() / 2) + 1;
    for (const auto& name : names) {
        const std::size_t distance = edit_distance(word, name);
        if (distance < best_distance) {
            best_distance = distance;
            best = name;
        }
    }
    return best;
}

namespace detail {

void check_one_of(const char* name, const std::string& value, const OneOf& choices, std::string_view where) {
    if (std::find(choices.values.begin(), choices.values.end(), value) != choices.values.end()) return;
    std::string list;
    for (const auto& choice : choices.values)
        if (!choice.empty()) list += (list.empty() ? "" : ", ") + choice;
    const std::string near = nearest_name(value, choices.values);
    fail(where, "wanted ", name, " to be one of ", list, ", got \"", value, '"',
         near.empty() ? std::string() : " (did you mean \"" + near + "\"?)");
}

void refuse_unknown_keys(const Json& object, const std::vector<std::string>& names, std::string_view where) {
    for (const auto& item : object.items()) {
        if (std::find(names.begin(), names.end(), item.key()) != names.end()) continue;
        const std::string near = nearest_name(item.key(), names);
        fail(where, "wanted known options, got \"", item.key(), '"',
             near.empty() ? std::string() : " (did you mean \"" + near + "\"?)");
    }
}

}  // namespace detail
}  // namespace hra

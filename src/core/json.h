// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Untrusted JSON: depth-limited, no duplicate keys, errors as one sentence.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

namespace hra {

using Json = nlohmann::json;

/// Parses `text`. Throws Error("[where] ...") on bad syntax, invalid UTF-8, duplicate keys or nesting beyond
/// 64 levels.
Json parse_json(std::string_view text, std::string_view where);

/// Reads and parses a file; `where` of the errors is the file's name.
Json read_json(const std::filesystem::path& path);

/// The value of `key`, or `fallback` when the key is absent or null. Throws Error naming the key on a wrong
/// type.
template <class T>
T json_value(const Json& object, const char* key, T fallback, std::string_view where);

/// The value of a key that must be there. Throws Error naming the key.
template <class T>
T json_value(const Json& object, const char* key, std::string_view where);

namespace detail {
[[noreturn]] void bad_json_value(const char* key, const Json* value, const char* wanted,
                                 std::string_view where);

template <class T>
constexpr const char* json_type_name() {
    if constexpr (std::is_same_v<T, bool>)
        return "true or false";
    else if constexpr (std::is_integral_v<T>)
        return "an integer";
    else if constexpr (std::is_floating_point_v<T>)
        return "a number";
    else if constexpr (std::is_same_v<T, std::string>)
        return "a string";
    else
        return "a list";
}

template <class T>
bool json_fits(const Json& value) {
    if constexpr (std::is_same_v<T, bool>)
        return value.is_boolean();
    else if constexpr (std::is_integral_v<T>)
        return value.is_number_integer() &&
               (!value.is_number_unsigned() || value.get<std::uint64_t>() <= std::uint64_t(INT64_MAX)) &&
               std::in_range<T>(value.get<std::int64_t>());
    else if constexpr (std::is_floating_point_v<T>)
        return value.is_number();
    else if constexpr (std::is_same_v<T, std::string>)
        return value.is_string();
    else
        return value.is_array() && std::all_of(value.begin(), value.end(), [](const Json& v) {
                   return json_fits<typename T::value_type>(v);
               });
}
}  // namespace detail

template <class T>
T json_value(const Json& object, const char* key, std::string_view where) {
    const auto it = object.is_object() ? object.find(key) : object.end();
    const bool found = object.is_object() && it != object.end();
    if (!found) detail::bad_json_value(key, nullptr, detail::json_type_name<T>(), where);
    if (!detail::json_fits<T>(*it)) detail::bad_json_value(key, &*it, detail::json_type_name<T>(), where);
    return it->template get<T>();
}

template <class T>
T json_value(const Json& object, const char* key, T fallback, std::string_view where) {
    if (!object.is_object() || !object.contains(key) || object.at(key).is_null()) return fallback;
    return json_value<T>(object, key, where);
}

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Options have one source of truth: a struct with defaults and one visit() list. The visitors here read and
// write JSON; others bind the same list to the command line and to the desktop program.
//
//   struct Example {
//       std::int64_t steps = 50;
//       template <class Self, class V> static void visit(Self& o, V&& v) {
//           v.section("Sampling");
//           v("steps", o.steps, "Number of denoising steps", Range{1, 1000});
//       }
//   };
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/json.h"

namespace hra {

// Facts that a visit() line may state about its option.
struct Range {  // inclusive
    double min, max;
};
struct OneOf {
    std::vector<std::string> values;
};

/// The entry of `names` that is nearest to `word` by edit distance; empty when nothing is near.
std::string nearest_name(std::string_view word, const std::vector<std::string>& names);

namespace detail {

template <class T>
void check_range(const char*, const T&, const auto&, std::string_view) {}

template <class T>
void check_range(const char* name, const T& value, const Range& range, std::string_view where) {
    const auto v = static_cast<double>(value);
    check(v >= range.min && v <= range.max, where, "wanted ", name, " from ", range.min, " to ", range.max,
          ", got ", value);
}

void check_one_of(const char* name, const std::string& value, const OneOf& choices, std::string_view where);

template <class T>
void check_range(const char* name, const T& value, const OneOf& choices, std::string_view where) {
    check_one_of(name, value, choices, where);
}

struct OptionsWriter {
    Json& out;
    void section(const char*) {}
    template <class T, class... Tags>
    void operator()(const char* name, const T& value, const char*, const Tags&...) {
        out[name] = value;
    }
};

struct OptionsReader {
    const Json& in;
    std::string_view where;
    void section(const char*) {}
    template <class T, class... Tags>
    void operator()(const char* name, T& value, const char*, const Tags&...) {
        if (in.contains(name)) value = json_value<T>(in, name, where);
    }
};

struct OptionsChecker {
    std::string_view where;
    void section(const char*) {}
    template <class T, class... Tags>
    void operator()([[maybe_unused]] const char* name, [[maybe_unused]] const T& value, const char*,
                    const Tags&... tags) {
        (check_range(name, value, tags, where), ...);
    }
};

struct OptionNames {
    std::vector<std::string>& names;
    void section(const char*) {}
    template <class T, class... Tags>
    void operator()(const char* name, const T&, const char*, const Tags&...) {
        names.emplace_back(name);
    }
};

void refuse_unknown_keys(const Json& object, const std::vector<std::string>& names, std::string_view where);

}  // namespace detail

/// Every option under its own name.
template <class Options>
Json options_to_json(const Options& options) {
    Json out = Json::object();
    Options::visit(options, detail::OptionsWriter{out});
    return out;
}

/// Overwrites the options that `in` names. Throws Error on wrong types and on unknown keys, naming the
/// nearest one.
template <class Options>
void options_from_json(const Json& in, Options& options, std::string_view where) {
    check(in.is_object(), where, "wanted a JSON object of options, got ", in.type_name());
    std::vector<std::string> names;
    Options::visit(options, detail::OptionNames{names});
    detail::refuse_unknown_keys(in, names, where);
    Options::visit(options, detail::OptionsReader{in, where});
}

/// Throws Error for the first option outside its Range or OneOf.
template <class Options>
void check_options(const Options& options, std::string_view where) {
    Options::visit(options, detail::OptionsChecker{where});
}

}  // namespace hra

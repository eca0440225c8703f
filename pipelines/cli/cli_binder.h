// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Binds an options struct to CLI11: every visited option becomes a flag of the same name, and --config reads
// JSON.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "core/options.h"

namespace hra::cli {

namespace detail {

/// One flag for each visited option. Ranges and choices are checked later, by check_options, so that the
/// command line, JSON files and programs get the same sentence.
struct Binder {
    CLI::App& app;
    std::string group = "Options";

    void section(const char* name) { group = name; }

    template <class T, class... Tags>
    void operator()(const char* name, T& value, const char* help, const Tags&... tags) {
        std::string text = help;
        (describe(text, tags), ...);
        const std::string flag = std::string("--") + name;
        CLI::Option* option = nullptr;
        if constexpr (std::is_same_v<T, bool>)
            option = app.add_flag(flag + ",!--no-" + name, value, text);
        else
            option = app.add_option(flag, value, text)->capture_default_str();
        option->group(group);
    }

private:
    template <class Tag>
    static void describe(std::string&, const Tag&) {}
    static void describe(std::string& text, const OneOf& choices) {
        std::string list;
        for (const auto& choice : choices.values)
            if (!choice.empty()) list += (list.empty() ? "" : ", ") + choice;
        text += " {" + list + "}";
    }
    static void describe(std::string& text, const Range& range) {
        text += concat(" [", range.min, " to ", range.max, "]");
    }
};

}  // namespace detail

/// Adds the options of `options` to `app`, and --config FILE, whose values the command line overrides.
template <class Options>
void bind_options(CLI::App& app, Options& options) {
    Options::visit(options, detail::Binder{app});
    app.add_option_function<std::string>(
           "--config",
           [&options](const std::string& path) { options_from_json(read_json(path), options, path); },
           "JSON file with options; the command line overrides it")
        ->trigger_on_parse()
        ->group("Output");
}

}  // namespace hra::cli

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "core/python_json.h"

namespace hra {
namespace {

/// The length of a bare word at the start of `text` that Python writes but JSON does not know; else 0.
std::size_t python_literal(std::string_view text) {
    for (const std::string_view word : {"-Infinity", "Infinity", "NaN"})
        if (text.starts_with(word)) return word.size();
    return 0;
}

}  // namespace

Json parse_python_json(std::string_view text, std::string_view where) {
    std::string strict;
    strict.reserve(text.size());
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (const std::size_t length = in_string ? 0 : python_literal(text.substr(i)); length > 0) {
            strict += "null";
            i += length - 1;
            continue;
        }
        if (text[i] == '"') in_string = !in_string;
        if (in_string && text[i] == '\\' && i + 1 < text.size()) strict += text[i++];
        strict += text[i];
    }
    return parse_json(strict, where);
}

}  // namespace hra

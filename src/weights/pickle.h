// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Python's pickle format, protocols 2 to 5 (source: pickletools), read as inert data: nothing is imported or
// run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hra::pickle {

enum class Kind : std::uint8_t {
    none,
    boolean,      // integer is 0 or 1
    integer,      // integer
    big_integer,  // text: little-endian two's complement of more than 8 bytes
    real,         // real
    string,       // text: UTF-8 as stored
    bytes,        // text
    list,         // items
    tuple,        // items
    dict,         // items: key, value, key, value, ...
    set,          // items
    global,       // items: module and name, two strings
    object,       // items: what it was made by, its arguments and states, in this order; never run
    persistent,   // items: the persistent id
};

/// One value of a pickle. Values refer to each other, possibly in cycles: a traversal needs its own limit.
struct Value {
    Kind kind = Kind::none;
    std::uint16_t depth = 0;  // levels of containers below, as far as they were known when it was filled
    union {
        std::int64_t integer = 0;
        double real;
    };
    std::string_view text;  // points into the bytes that were read
    std::vector<const Value*> items;

    bool is_global(std::string_view module, std::string_view name) const;
};

/// What was read. Values live as long as the Document and the bytes.
struct Document {
    std::deque<Value> values;
    const Value* root = nullptr;
    std::size_t size = 0;  // bytes up to and including STOP
};

/// Reads one pickle from the start of `bytes`. Globals are kept by name. A call is kept as an object that
/// remembers its callable and arguments; calls other than the few that checkpoints of tensors are made of
/// (an allow-list in the source) are refused, while class instances of any type are stepped over. Throws
/// Error("[where] ...") on anything malformed, on protocols below 2 and beyond the limits on values and
/// depth.
Document read(std::span<const std::uint8_t> bytes, std::string_view where);

/// The value of a dict's key that is this string, or nullptr. The last of equal keys counts, as in Python.
const Value* find(const Value& dict, std::string_view key);

/// Words for messages: "a list", "the object posix.system(...)".
std::string describe(const Value& value);

}  // namespace hra::pickle

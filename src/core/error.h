// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The one exception type of the project and the checks that throw it.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace hra {

/// A failure that a person can act on. The message is one sentence: "[where] wanted ..., got ... (hint)".
struct Error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The person asked to stop. Not a failure: finished results stay in place.
struct Cancelled : std::runtime_error {
    Cancelled() : std::runtime_error("cancelled") {}
};

/// Streams its arguments, one after the other, into a string.
template <class... Parts>
std::string concat(const Parts&... parts) {
    std::ostringstream out;
    (out << ... << parts);
    return out.str();
}

/// Throws Error("[where] parts...").
template <class... Parts>
[[noreturn]] void fail(std::string_view where, const Parts&... parts) {
    throw Error(concat('[', where, "] ", parts...));
}

/// Throws Error("[where] parts...") unless the condition holds. The parts are evaluated either way: keep them
/// cheap.
template <class... Parts>
void check(bool condition, std::string_view where, const Parts&... parts) {
    if (!condition) fail(where, parts...);
}

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Messages for people and log files. The library writes to one settable sink and never to stdout.
#pragma once

#include <functional>
#include <string>

#include "core/error.h"

namespace hra::log {

enum class Level { debug, info, warn, error };

using Sink = std::function<void(Level, const std::string&)>;

/// Replaces the sink (thread-safe) and returns the one before. An empty sink drops everything.
/// The default sink writes info and above to stderr.
Sink set_sink(Sink sink);

/// Hands one finished message to the sink.
void write(Level level, const std::string& message);

template <class... Parts>
void debug(const Parts&... parts) {
    write(Level::debug, concat(parts...));
}
template <class... Parts>
void info(const Parts&... parts) {
    write(Level::info, concat(parts...));
}
template <class... Parts>
void warn(const Parts&... parts) {
    write(Level::warn, concat(parts...));
}

}  // namespace hra::log

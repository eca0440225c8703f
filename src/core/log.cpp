// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "core/log.h"

#include <cstdio>
#include <mutex>

namespace hra::log {
namespace {

void write_to_stderr(Level level, const std::string& message) {
    if (level == Level::debug) return;
    const char* prefix = level == Level::info ? "" : level == Level::warn ? "warning: " : "error: ";
    std::fprintf(stderr, "%s%s\n", prefix, message.c_str());
}

struct State {
    std::mutex mutex;
    Sink sink = write_to_stderr;
};

State& state() {
    static State instance;
    return instance;
}

}  // namespace

Sink set_sink(Sink sink) {
    std::scoped_lock lock(state().mutex);
    std::swap(state().sink, sink);
    return sink;
}

void write(Level level, const std::string& message) {
    Sink sink;
    {
        std::scoped_lock lock(state().mutex);
        sink = state().sink;
    }
    if (sink) sink(level, message);
}

}  // namespace hra::log

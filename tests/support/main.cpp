// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The tests' main: warnings fail tests, one thread setting for all.
#include <gtest/gtest.h>

#include "support/log_watch.h"

namespace hra::test {

void LogWatch::receive(log::Level level, const std::string& message) {
    if (level < log::Level::warn) return;
    std::scoped_lock lock(mutex_);
    if (expecting_)
        expected_.push_back(message);
    else
        ADD_FAILURE() << "unexpected warning: " << message;
}

void LogWatch::expect(bool on) {
    std::scoped_lock lock(mutex_);
    expecting_ = on;
    expected_.clear();
}

std::vector<std::string> LogWatch::expected() const {
    std::scoped_lock lock(mutex_);
    return expected_;
}

LogWatch& log_watch() {
    static LogWatch watch;
    return watch;
}

}  // namespace hra::test

int main(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    hra::log::set_sink([](hra::log::Level level, const std::string& message) {
        hra::test::log_watch().receive(level, message);
    });
    return RUN_ALL_TESTS();
}

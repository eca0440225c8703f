// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// A log sink for tests: a warning that no test expects fails the test.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "core/log.h"

namespace hra::test {

class LogWatch {
public:
    void receive(log::Level level, const std::string& message);
    void expect(bool on);
    std::vector<std::string> expected() const;

private:
    mutable std::mutex mutex_;
    bool expecting_ = false;
    std::vector<std::string> expected_;
};

LogWatch& log_watch();

}  // namespace hra::test

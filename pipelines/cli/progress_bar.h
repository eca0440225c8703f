// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// A progress line on stderr with rate and remaining time; silent when stderr is no terminal.
#pragma once

#include <chrono>
#include <string>

#include "core/hooks.h"

namespace hra::cli {

class ProgressBar {
public:
    ProgressBar();
    ~ProgressBar();
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;

    void show(const Progress& progress);
    /// Removes the line, so that other text can be printed.
    void clear();

private:
    using Clock = std::chrono::steady_clock;
    bool terminal_;
    bool drawn_ = false;
    std::string stage_;
    int first_step_ = 0;
    Clock::time_point start_{};
};

/// "1:05" or "2:03:04".
std::string format_duration(double seconds);

}  // namespace hra::cli

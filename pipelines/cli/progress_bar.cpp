// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "pipelines/cli/progress_bar.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <unistd.h>

namespace hra::cli {
namespace {

constexpr int bar_width = 30;

std::string bar(int step, int steps) {
    const auto filled = static_cast<std::size_t>(steps > 0 ? bar_width * std::min(step, steps) / steps : 0);
    return std::string(filled, '#') + std::string(bar_width - filled, '.');
}

std::string rate(double seconds_per_step) {
    char text[32];
    if (seconds_per_step >= 1)
        std::snprintf(text, sizeof text, "%.2f s/step", seconds_per_step);
    else
        std::snprintf(text, sizeof text, "%.2f steps/s", 1 / std::max(seconds_per_step, 1e-9));
    return text;
}

}  // namespace

std::string format_duration(double seconds) {
    const auto total = static_cast<long long>(std::llround(std::max(seconds, 0.0)));
    char text[48];
    if (total >= 3600)
        std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", total / 3600, total / 60 % 60, total % 60);
    else
        std::snprintf(text, sizeof text, "%lld:%02lld", total / 60, total % 60);
    return text;
}

ProgressBar::ProgressBar() : terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
    clear();
}

void ProgressBar::show(const Progress& progress) {
    if (!terminal_) return;
    if (progress.stage != stage_) {
        stage_ = progress.stage;
        first_step_ = progress.step;
        start_ = Clock::now();
    }
    std::string line = stage_ + " [" + bar(progress.step, progress.steps) + "] " +
                       std::to_string(progress.step) + "/" + std::to_string(progress.steps);
    const int done = progress.step - first_step_;
    if (done > 0) {
        const double each = std::chrono::duration<double>(Clock::now() - start_).count() / done;
        line += "  " + rate(each) + ", " + format_duration(each * (progress.steps - progress.step)) + " left";
    }
    std::fprintf(stderr, "\r%s\x1b[K", line.c_str());
    drawn_ = true;
}

void ProgressBar::clear() {
    if (drawn_) std::fputs("\r\x1b[K", stderr);
    drawn_ = false;
}

}  // namespace hra::cli

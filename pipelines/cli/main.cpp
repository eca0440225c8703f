// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The program `hra`: one subcommand per pipeline; the place where errors become one line and an exit code:
// 0 done, 1 failed, 2 wrong usage, 130 stopped by the person.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stop_token>
#include <thread>

#include <CLI/CLI.hpp>

#include <c10/util/Exception.h>

#include "core/error.h"
#include "core/version.h"
#include "pipelines/cli/commands.h"

namespace {

constexpr int exit_failed = 1, exit_usage = 2, exit_stopped = 130;

/// Turns Ctrl-C and SIGTERM into a stop request, waited for on a thread of its own since a signal handler may
/// do next to nothing. The second signal ends the program at once.
void watch_signals(std::stop_source stop) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // inherited by all later threads
    std::thread([signals, stop]() mutable {
        int signal = 0;
        sigwait(&signals, &signal);
        stop.request_stop();
        sigwait(&signals, &signal);
        std::_Exit(exit_stopped);
    }).detach();
}

int run(int argc, char** argv, const std::stop_token& stop) {
    CLI::App app{"Stable Diffusion v1.5 and Householder Reflection Adaptation"};
    app.name("hra");
    app.set_version_flag("--version", hra::version());
    app.require_subcommand(1);
    hra::cli::add_generate(app, stop);
    hra::cli::add_info(app);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : exit_usage;
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    std::stop_source stop;
    watch_signals(stop);
    try {
        return run(argc, argv, stop.get_token());
    } catch (const hra::Cancelled&) {
        std::fputs("\nstopped; finished pictures are kept\n", stderr);
        return exit_stopped;
    } catch (const c10::Error& e) {
        std::fprintf(stderr, "hra: %s\n", e.what_without_backtrace());
    } catch (const std::exception& e) {
        std::fprintf(stderr, "hra: %s\n", e.what());
    }
    return exit_failed;
}

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
#include <semaphore.h>

#include <c10/util/Exception.h>

#include "core/error.h"
#include "core/version.h"
#include "pipelines/cli/commands.h"

namespace {

constexpr int exit_failed = 1, exit_usage = 2, exit_stopped = 130;

sem_t interrupts;  // posted by the signal handler, which may do little more

/// Turns Ctrl-C and SIGTERM into a stop request, made on a thread of its own. The second signal ends the
/// program at once. (Blocking the signals and waiting for them would miss: libraries start threads before
/// main does.)
void watch_signals(std::stop_source stop) {
    sem_init(&interrupts, 0, 0);
    std::thread([stop]() mutable {
        const auto wait = [] {
            while (sem_wait(&interrupts) != 0) {
            }
        };
        wait();
        stop.request_stop();
        wait();
        std::_Exit(exit_stopped);
    }).detach();
    const auto handler = [](int) { sem_post(&interrupts); };
    std::signal(SIGINT, handler);
    std::signal(SIGTERM, handler);
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

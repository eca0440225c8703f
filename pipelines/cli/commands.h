// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The subcommands of `hra`: each adds itself to the parser and says what to run when it is chosen.
#pragma once

#include <stop_token>

#include <CLI/CLI.hpp>

namespace hra::cli {

void add_generate(CLI::App& app, const std::stop_token& stop);
void add_info(CLI::App& app);

}  // namespace hra::cli

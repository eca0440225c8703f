// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// `hra generate`: prompt in, pictures out.
#include <cstdio>

#include "core/files.h"
#include "pipelines/cli/cli_binder.h"
#include "pipelines/cli/commands.h"
#include "pipelines/cli/progress_bar.h"
#include "pipelines/generate/generate.h"

namespace hra::cli {
namespace {

void run_generate(const GenerateOptions& options, const std::stop_token& stop) {
    ProgressBar bar;
    Hooks hooks;
    hooks.stop = stop;
    hooks.on_progress = [&](const Progress& progress) { bar.show(progress); };
    hooks.on_image = [&](const std::string& path, const Image&) {
        bar.clear();
        std::printf("%s\n", path.c_str());
        std::fflush(stdout);
    };
    const GenerateResult result = generate(options, hooks);
    bar.clear();
    std::fprintf(stderr, "%zu picture(s): %.1f s to the first step, %.2f s a step\n", result.images.size(),
                 result.load_seconds, result.step_seconds);
}

}  // namespace

void add_generate(CLI::App& app, const std::stop_token& stop) {
    auto* command = app.add_subcommand("generate", "Make pictures from a prompt");
    auto options = std::make_shared<GenerateOptions>();
    bind_options(*command, *options);
    // Metadata are read while parsing, so that flags override them just as they override --config.
    command
        ->add_option_function<std::string>(
            "--from_image", [options](const std::string& path) { *options = options_from_image(path); },
            "Repeat this picture: take all options from its metadata; other flags override them")
        ->trigger_on_parse()
        ->group("Output");
    command->callback([options, stop] { run_generate(*options, stop); });
}

}  // namespace hra::cli

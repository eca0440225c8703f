// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// `hra info`: what a file or folder is.
#include <cstdio>
#include <memory>

#include "pipelines/cli/commands.h"
#include "pipelines/info/info.h"

namespace hra::cli {

void add_info(CLI::App& app) {
    auto* command =
        app.add_subcommand("info", "Tell what a checkpoint, a model folder, an adapter or a picture is");
    struct Arguments {
        InfoOptions options;
        bool json = false;
    };
    auto arguments = std::make_shared<Arguments>();
    command
        ->add_option("path", arguments->options.path,
                     "Checkpoint file, model folder, adapter folder or picture")
        ->required();
    command->add_flag("--json", arguments->json, "Print JSON");
    command->callback([arguments] {
        const InfoResult result = run(arguments->options);
        const std::string text = arguments->json ? to_json(result).dump(2) + "\n" : format(result);
        std::fputs(text.c_str(), stdout);
    });
}

}  // namespace hra::cli

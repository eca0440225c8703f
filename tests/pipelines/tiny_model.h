// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The tiny fixture model and the options of a quick run with it.
#pragma once

#include <string>

#include "pipelines/generate/generate.h"
#include "support/fixtures.h"

namespace hra::test {

/// A model folder that is small enough for tests.
inline std::string tiny_model() {
    return fixture("pipeline").string();
}

/// Two steps at 64 x 64.
inline GenerateOptions tiny_options(const std::filesystem::path& output) {
    GenerateOptions options;
    options.model = tiny_model();
    options.prompt = "a photo of a dog";
    options.steps = 2;
    options.scheduler = "ddim";
    options.seed = 7;
    options.width = 64;
    options.height = 64;
    options.device = "cpu";
    options.dtype = "fp32";
    options.output_dir = output.string();
    return options;
}

}  // namespace hra::test

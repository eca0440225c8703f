// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Asks the installed library for a picture from a model that is not there: the answer is one sentence.
#include <cstdio>
#include <string>

#include "core/error.h"
#include "pipelines/generate/generate.h"

int main() {
    hra::GenerateOptions options;
    options.model = "no such model";
    options.prompt = "a lighthouse at dawn";
    try {
        hra::generate(options);
    } catch (const hra::Error& error) {
        std::printf("as expected: %s\n", error.what());
        return std::string(error.what()).find(options.model) != std::string::npos ? 0 : 1;
    }
    return 1;
}

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Uses the installed library: its version and an error of its own.
#include <cstdio>

#include "core/error.h"
#include "core/json.h"
#include "core/version.h"

int main() {
    std::printf("hra %s\n", hra::version());
    try {
        hra::parse_json("{", "consumer");
    } catch (const hra::Error& error) {
        std::printf("as expected: %s\n", error.what());
        return 0;
    }
    return 1;
}

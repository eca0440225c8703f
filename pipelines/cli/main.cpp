// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The program `hra`: one subcommand per pipeline; the place where errors become one line and an exit code.
#include <cstdio>

#include "core/version.h"

int main() {
    std::printf("hra %s\n", hra::version());
}

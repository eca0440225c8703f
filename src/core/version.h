// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The version of the program, as CMake's project() states it.
#pragma once

namespace hra {

/// "major.minor.patch".
const char* version();

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// JSON as Python writes it.
#pragma once

#include "core/json.h"

namespace hra {

/// As parse_json, but the bare words NaN, Infinity and -Infinity, which are no JSON but stand in the config
/// files of some diffusers schedulers, become null.
Json parse_python_json(std::string_view text, std::string_view where);

}  // namespace hra

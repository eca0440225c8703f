// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The samplers by the names that people use. No torch: options, the command line and the desktop program
// list them too.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"

namespace hra {

/// A sampler as people call it, the diffusers class behind it and the options it sets over a model's own.
struct SamplerName {
    std::string name;
    std::string class_name;
    Json overrides;
};

/// All samplers, in the order in which lists show them.
const std::vector<SamplerName>& samplers();

/// The names alone, for option lists and messages.
std::vector<std::string> sampler_names();

/// The sampler of that name, or of that diffusers class with no overrides. Throws Error that lists the names
/// and gives the nearest one.
SamplerName find_sampler(std::string_view name_or_class);

}  // namespace hra

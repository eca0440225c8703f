// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// What a picture carries about its making: the text that A1111-family programs read, and all options as JSON.
#pragma once

#include <string>

#include "image/png.h"
#include "pipelines/generate/generate.h"

namespace hra {

/// The text chunks for one picture. `one` are the options that make it again alone; `class_name` the
/// diffusers class of the scheduler that ran.
PngText image_metadata(const GenerateOptions& one, const std::string& class_name);

}  // namespace hra

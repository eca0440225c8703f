// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// JPEG files through libjpeg-turbo, which Pillow uses too: the same bytes give the same pixels.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "core/image.h"

namespace hra {

bool is_jpeg(std::span<const std::uint8_t> file);

/// Width and height, from the header alone. Throws Error("[where] ...") when there is none.
std::pair<int, int> jpeg_size(std::span<const std::uint8_t> file, std::string_view where);

/// The picture as RGB. Throws Error on damage that Pillow refuses too, above all on a file that is cut off.
Image decode_jpeg(std::span<const std::uint8_t> file, std::string_view where);

/// The EXIF orientation, 1 (upright) to 8.
int jpeg_orientation(std::span<const std::uint8_t> file);

}  // namespace hra

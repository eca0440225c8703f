// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Pictures from files that nobody vouches for. Pillow: Image.open(path).convert("RGB").
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "core/image.h"

namespace hra {

/// What to do with the orientation in a picture's EXIF data.
enum class Orientation {
    as_stored,  // Pillow's convert: ignore it
    upright     // diffusers' load_image (exif_transpose): turn the picture
};

/// Reads PNG, JPEG or BMP as RGB: grey and palettes expanded, alpha dropped (not blended), the upper
/// byte of 16-bit samples. JPEG may differ from Pillow by small roundings, since the decoders differ. Throws
/// Error naming the file on other formats, damaged files, sides over 16384 and more than 100 million pixels.
Image load_image(const std::filesystem::path& path, Orientation orientation = Orientation::as_stored);

/// The same for a file's content in memory.
Image decode_image(std::span<const std::uint8_t> file, std::string_view where,
                   Orientation orientation = Orientation::as_stored);

}  // namespace hra

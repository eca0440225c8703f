// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// PNG files with text, as Pillow's PngInfo.add_text writes and reads it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "core/image.h"

namespace hra {

/// Keyword -> value, both UTF-8. Keywords have 1 to 79 characters of Latin-1.
using PngText = std::map<std::string, std::string>;

/// Writes a picture with 1, 3 or 4 channels, atomically. A value goes to tEXt when Latin-1 can hold it and
/// else to an uncompressed iTXt; ill-formed UTF-8 becomes U+FFFD. Throws Error naming the file.
void save_png(const std::filesystem::path& path, const Image& image, const PngText& text = {});

/// The file's content in memory.
std::string encode_png(const Image& image, const PngText& text = {});

/// All tEXt, zTXt and iTXt of a file; of equal keywords the last. Throws Error on a file that is no undamaged
/// PNG and on more than 16 MiB of text.
PngText read_png_text(const std::filesystem::path& path);
PngText read_png_text(std::span<const std::uint8_t> file, std::string_view where);

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The chunks of a PNG file, bounds and checksums checked. PNG specification, second edition, section 5.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace hra {

inline constexpr std::string_view png_signature = "\x89PNG\r\n\x1A\n";

struct PngChunk {
    std::string_view type;               // four letters
    std::span<const std::uint8_t> data;  // a view into the file
};

/// All chunks up to and with IEND. Throws Error("[where] ...") on a wrong signature, on a chunk that the file
/// cuts off or whose checksum is wrong, and on a missing IEND.
std::vector<PngChunk> png_chunks(std::span<const std::uint8_t> file, std::string_view where);

}  // namespace hra

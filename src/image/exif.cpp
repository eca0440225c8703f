// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "image/exif.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace hra {
namespace {

/// Reads numbers of either byte order; beyond the end there are zeros.
struct TiffReader {
    std::span<const std::uint8_t> bytes;
    bool little_endian;

    std::uint32_t number(std::size_t at, std::size_t size) const {
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < size; ++i) {
            const std::size_t from = at + (little_endian ? size - 1 - i : i);
            value = value << 8 | (from < bytes.size() ? bytes[from] : 0U);
        }
        return value;
    }
};

/// Where the pixel (x, y) of the upright picture lies in the stored one of w x h pixels.
std::pair<int, int> source(int orientation, int x, int y, int w, int h) {
    switch (orientation) {
        case 2:
            return {w - 1 - x, y};
        case 3:
            return {w - 1 - x, h - 1 - y};
        case 4:
            return {x, h - 1 - y};
        case 5:
            return {y, x};
        case 6:
            return {y, h - 1 - x};
        case 7:
            return {w - 1 - y, h - 1 - x};
        case 8:
            return {w - 1 - y, x};
        default:
            return {x, y};
    }
}

}  // namespace

int exif_orientation(std::span<const std::uint8_t> tiff) {
    constexpr std::uint32_t orientation_tag = 0x0112, short_type = 3;
    constexpr std::size_t entry_size = 12;
    if (tiff.size() < 8 || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M')) return 1;
    const TiffReader reader{tiff, tiff[0] == 'I'};
    if (reader.number(2, 2) != 42) return 1;
    const std::size_t directory = reader.number(4, 4);
    const std::size_t entries = reader.number(directory, 2);
    for (std::size_t i = 0; i < entries; ++i) {
        const std::size_t at = directory + 2 + i * entry_size;
        if (reader.number(at, 2) != orientation_tag || reader.number(at + 2, 2) != short_type) continue;
        const std::uint32_t value = reader.number(at + 8, 2);
        return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    }
    return 1;
}

Image upright(const Image& image, int orientation) {
    if (orientation <= 1 || orientation > 8) return image;
    const bool turned = orientation >= 5;
    Image out(turned ? image.height : image.width, turned ? image.width : image.height, image.channels);
    const auto channels = static_cast<std::size_t>(image.channels);
    auto* to = out.pixels.data();
    for (int y = 0; y < out.height; ++y)
        for (int x = 0; x < out.width; ++x) {
            const auto [from_x, from_y] = source(orientation, x, y, image.width, image.height);
            const auto place = static_cast<std::size_t>(from_y) * static_cast<std::size_t>(image.width) +
                               static_cast<std::size_t>(from_x);
            to = std::copy_n(image.pixels.data() + place * channels, channels, to);
        }
    return out;
}

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "image/load.h"

#include <algorithm>
#include <climits>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "core/error.h"
#include "core/files.h"
#include "image/exif.h"
#include "image/jpeg.h"
#include "image/png_chunks.h"

namespace {

// stb grows its buffers as long as compressed data goes on, whatever size the header states. No allocation
// may be larger than the picture at hand can need.
thread_local std::size_t allocation_limit = 0;

void* limited_malloc(std::size_t size) {
    return size <= allocation_limit ? std::malloc(size) : nullptr;
}

void* limited_realloc(void* block, std::size_t size) {
    return size <= allocation_limit ? std::realloc(block, size) : nullptr;
}

}  // namespace

// In version 2.27 stb_image's JPEG decoder writes past a table on damaged files, and its PNM decoder reads
// past the end of 16-bit ones; the other formats are rare here.
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_NO_HDR
#define STBI_NO_LINEAR
#define STBI_MALLOC limited_malloc
#define STBI_REALLOC limited_realloc
#define STBI_FREE std::free
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb_image.h>
#pragma GCC diagnostic pop

namespace hra {
namespace {

constexpr int max_side = 16384;
constexpr std::int64_t max_pixels = 100'000'000;
constexpr std::string_view formats = "PNG, JPEG or BMP";

using Bytes = std::span<const std::uint8_t>;

bool starts_with(Bytes file, std::string_view magic) {
    return std::string_view(reinterpret_cast<const char*>(file.data()), file.size()).starts_with(magic);
}

int png_orientation(Bytes file, std::string_view where) {
    for (const auto& chunk : png_chunks(file, where))
        if (chunk.type == "eXIf") return exif_orientation(chunk.data);
    return 1;
}

void check_size(int width, int height, std::string_view where) {
    check(std::min(width, height) > 0 && std::max(width, height) <= max_side &&
              std::int64_t{width} * height <= max_pixels,
          where, "wanted a picture of at most ", max_side, " pixels a side and ", max_pixels / 1'000'000,
          " megapixels, got ", width, 'x', height);
}

Image decode_with_stb(Bytes file, std::string_view where) {
    constexpr std::size_t slack = 1 << 20;
    const int length = static_cast<int>(file.size());
    int width = 0, height = 0, channels = 0;
    allocation_limit = slack;
    const bool known = stbi_info_from_memory(file.data(), length, &width, &height, &channels) != 0;
    check(known, where, "wanted a picture as ", formats, ", got something else: ", stbi_failure_reason());
    check_size(width, height, where);
    // Four 16-bit channels and a filter byte per row, doubled because stb doubles what it grows.
    allocation_limit =
        (static_cast<std::size_t>(width) * 8 + 64) * (static_cast<std::size_t>(height) + 64) * 2 +
        file.size() + slack;
    Image image(width, height, 3);
    const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
        stbi_load_from_memory(file.data(), length, &width, &height, &channels, image.channels), std::free);
    check(pixels != nullptr && width == image.width && height == image.height, where,
          "wanted an undamaged picture, got: ", pixels ? "two different sizes" : stbi_failure_reason());
    std::copy_n(pixels.get(), image.pixels.size(), image.pixels.begin());
    return image;
}

}  // namespace

Image decode_image(Bytes file, std::string_view where, Orientation orientation) {
    check(!file.empty() && file.size() <= INT_MAX, where, "wanted a picture as ", formats, ", got ",
          file.size(), " bytes");
    int turn = 1;
    Image image;
    if (is_jpeg(file)) {
        const auto [width, height] = jpeg_size(file, where);
        check_size(width, height, where);
        image = decode_jpeg(file, where);
        turn = jpeg_orientation(file);
    } else {
        if (starts_with(file, png_signature)) turn = png_orientation(file, where);
        image = decode_with_stb(file, where);
    }
    return orientation == Orientation::upright ? upright(image, turn) : image;
}

Image load_image(const std::filesystem::path& path, Orientation orientation) {
    const auto file = MappedFile::open(path);
    return decode_image(file->bytes(), path.string(), orientation);
}

}  // namespace hra

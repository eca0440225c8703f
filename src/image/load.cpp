// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "image/load.h"

#include <algorithm>
#include <climits>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string>

#include "core/error.h"
#include "core/files.h"
#include "image/exif.h"
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

// The other formats of stb_image are rare here and have had most of its memory errors.
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#define STBI_ONLY_PNM
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
constexpr std::string_view formats = "PNG, JPEG, BMP or PNM";

using Bytes = std::span<const std::uint8_t>;

bool starts_with(Bytes file, std::string_view magic) {
    return std::string_view(reinterpret_cast<const char*>(file.data()), file.size()).starts_with(magic);
}

int png_orientation(Bytes file, std::string_view where) {
    for (const auto& chunk : png_chunks(file, where))
        if (chunk.type == "eXIf") return exif_orientation(chunk.data);
    return 1;
}

/// Walks the segments before the picture's data and makes sure that the data have an end: the decoder would
/// fill a torn file up with grey.
int jpeg_orientation(Bytes file, std::string_view where) {
    constexpr std::string_view exif("Exif\0\0", 6);
    constexpr std::uint8_t app1 = 0xE1, start_of_scan = 0xDA;
    int orientation = 1;
    for (auto rest = file.subspan(2); rest.size() >= 4 && rest[0] == 0xFF;) {
        if (rest[1] == 0xFF) {  // a fill byte
            rest = rest.subspan(1);
            continue;
        }
        const std::size_t length = std::size_t{rest[2]} << 8 | rest[3];
        if (length < 2 || length + 2 > rest.size()) break;
        const auto data = rest.subspan(4, length - 2);
        if (rest[1] == app1 && orientation == 1 && starts_with(data, exif))
            orientation = exif_orientation(data.subspan(exif.size()));
        const bool scan = rest[1] == start_of_scan;
        rest = rest.subspan(2 + length);
        if (!scan) continue;
        constexpr std::uint8_t end_of_image[] = {0xFF, 0xD9};
        const auto end =
            std::search(rest.begin(), rest.end(), std::begin(end_of_image), std::end(end_of_image));
        check(end != rest.end(), where, "wanted a whole JPEG file, got one that is cut off");
        break;
    }
    return orientation;
}

int orientation_of(Bytes file, std::string_view where) {
    if (starts_with(file, png_signature)) return png_orientation(file, where);
    if (starts_with(file, "\xFF\xD8")) return jpeg_orientation(file, where);
    return 1;
}

void check_size(Bytes file, std::string_view where) {
    int width = 0, height = 0, channels = 0;
    const bool known =
        stbi_info_from_memory(file.data(), static_cast<int>(file.size()), &width, &height, &channels) != 0;
    check(known, where, "wanted a picture as ", formats, ", got something else: ", stbi_failure_reason());
    check(std::min(width, height) > 0 && std::max(width, height) <= max_side &&
              std::int64_t{width} * height <= max_pixels,
          where, "wanted a picture of at most ", max_side, " pixels a side and ", max_pixels / 1'000'000,
          " megapixels, got ", width, 'x', height);
    // Four 16-bit channels and a filter byte per row, doubled because stb doubles what it grows.
    constexpr std::size_t slack = 1 << 20;
    allocation_limit =
        (static_cast<std::size_t>(width) * 8 + 64) * (static_cast<std::size_t>(height) + 64) * 2 +
        file.size() + slack;
}

}  // namespace

Image decode_image(Bytes file, std::string_view where, Orientation orientation) {
    constexpr std::size_t header_limit = 1 << 20;
    check(!file.empty() && file.size() <= INT_MAX, where, "wanted a picture as ", formats, ", got ",
          file.size(), " bytes");
    allocation_limit = header_limit;
    check_size(file, where);
    const int turn = orientation_of(file, where);
    Image image(0, 0, 3);
    int channels = 0;
    const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
        stbi_load_from_memory(file.data(), static_cast<int>(file.size()), &image.width, &image.height,
                              &channels, image.channels),
        std::free);
    check(pixels != nullptr, where, "wanted an undamaged picture, got: ", stbi_failure_reason());
    const auto size = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * 3;
    image.pixels.assign(pixels.get(), pixels.get() + size);
    return orientation == Orientation::upright ? upright(image, turn) : image;
}

Image load_image(const std::filesystem::path& path, Orientation orientation) {
    const auto file = MappedFile::open(path);
    return decode_image(file->bytes(), path.string(), orientation);
}

}  // namespace hra

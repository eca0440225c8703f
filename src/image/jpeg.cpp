// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "image/jpeg.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>

#include <turbojpeg.h>

#include "core/error.h"
#include "image/exif.h"

namespace hra {
namespace {

using Bytes = std::span<const std::uint8_t>;
using Decoder = std::unique_ptr<void, int (*)(tjhandle)>;

Decoder make_decoder(std::string_view where) {
    Decoder decoder(::tjInitDecompress(), ::tjDestroy);
    check(decoder != nullptr, where, "cannot start libjpeg-turbo");
    return decoder;
}

struct Header {
    int width = 0, height = 0, subsampling = 0, colours = 0;
};

Header read_header(tjhandle decoder, Bytes file, std::string_view where) {
    Header header;
    const int code = ::tjDecompressHeader3(decoder, file.data(), file.size(), &header.width, &header.height,
                                           &header.subsampling, &header.colours);
    const bool fatal = code != 0 && ::tjGetErrorCode(decoder) == TJERR_FATAL;
    if (fatal || header.width <= 0 || header.height <= 0)
        fail(where, "wanted a JPEG file, got: ", ::tjGetErrorStr2(decoder));
    return header;
}

/// A segment before the picture's data.
struct Segment {
    std::uint8_t marker;
    Bytes data;
};

/// Takes the next segment from `rest`; false at the end and where the file is damaged.
bool take_segment(Bytes& rest, Segment& segment) {
    while (rest.size() >= 2 && rest[0] == 0xFF && rest[1] == 0xFF) rest = rest.subspan(1);
    if (rest.size() < 4 || rest[0] != 0xFF) return false;
    const std::size_t length = std::size_t{rest[2]} << 8 | rest[3];
    if (length < 2 || length + 2 > rest.size()) return false;
    segment = {rest[1], rest.subspan(4, length - 2)};
    rest = rest.subspan(2 + length);
    return true;
}

/// The decoder fills a torn file up with grey; Pillow refuses it, and so do we.
void check_complete(Bytes file, std::string_view where) {
    constexpr std::uint8_t start_of_scan = 0xDA;
    constexpr std::array<std::uint8_t, 2> end_of_image{0xFF, 0xD9};
    Bytes rest = file.subspan(2);
    Segment segment{};
    // Past the first segments, for a thumbnail in one of them has an end of its own.
    while (take_segment(rest, segment) && segment.marker != start_of_scan) continue;
    const auto end = std::search(rest.begin(), rest.end(), end_of_image.begin(), end_of_image.end());
    check(end != rest.end(), where, "wanted a whole JPEG file, got one that is cut off");
}

/// Pillow's conversion, from the inverted values that Adobe's programs store.
Image from_inverted_cmyk(const Image& cmyk) {
    Image out(cmyk.width, cmyk.height, 3);
    const auto scaled = [](int a, int b) {  // a * b / 255, rounded
        const int product = a * b + 128;
        return (product + (product >> 8)) >> 8;
    };
    for (std::size_t i = 0; i < out.pixels.size(); ++i) {
        const std::size_t pixel = i / 3 * 4;
        const int ink = 255 - cmyk.pixels[pixel + i % 3], white = cmyk.pixels[pixel + 3];
        out.pixels[i] = static_cast<std::uint8_t>(std::max(white - scaled(ink, white), 0));
    }
    return out;
}

}  // namespace

bool is_jpeg(Bytes file) {
    return file.size() >= 2 && file[0] == 0xFF && file[1] == 0xD8;
}

std::pair<int, int> jpeg_size(Bytes file, std::string_view where) {
    const Header header = read_header(make_decoder(where).get(), file, where);
    return {header.width, header.height};
}

Image decode_jpeg(Bytes file, std::string_view where) {
    const Decoder decoder = make_decoder(where);
    const Header header = read_header(decoder.get(), file, where);
    check_complete(file, where);
    const bool cmyk = header.colours == TJCS_CMYK || header.colours == TJCS_YCCK;
    Image image(header.width, header.height, cmyk ? 4 : 3);
    // A file of many thousand scans takes minutes to decode; no honest one has more than a few dozen.
    const int code =
        ::tjDecompress2(decoder.get(), file.data(), file.size(), image.pixels.data(), image.width, 0,
                        image.height, cmyk ? TJPF_CMYK : TJPF_RGB, TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS);
    // Warnings tell of damage in the data that Pillow decodes as well as it can.
    if (code != 0 && ::tjGetErrorCode(decoder.get()) == TJERR_FATAL)
        fail(where, "wanted an undamaged picture, got: ", ::tjGetErrorStr2(decoder.get()));
    return cmyk ? from_inverted_cmyk(image) : image;
}

int jpeg_orientation(Bytes file) {
    constexpr std::uint8_t app1 = 0xE1, start_of_scan = 0xDA;
    constexpr std::array<std::uint8_t, 6> exif{'E', 'x', 'i', 'f', 0, 0};
    Bytes rest = file.subspan(std::min<std::size_t>(file.size(), 2));
    Segment segment{};
    while (take_segment(rest, segment) && segment.marker != start_of_scan)
        if (segment.marker == app1 && segment.data.size() > exif.size() &&
            std::equal(exif.begin(), exif.end(), segment.data.begin()))
            return exif_orientation(segment.data.subspan(exif.size()));
    return 1;
}

}  // namespace hra

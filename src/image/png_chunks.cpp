// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "image/png_chunks.h"

#include <cstddef>

#include <zlib.h>

#include "core/error.h"

namespace hra {
namespace {

std::uint32_t big_endian(std::span<const std::uint8_t> bytes) {
    return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 |
           bytes[3];
}

std::string_view as_text(std::span<const std::uint8_t> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::vector<PngChunk> png_chunks(std::span<const std::uint8_t> file, std::string_view where) {
    constexpr std::size_t frame = 12;  // length, type, checksum
    check(as_text(file).starts_with(png_signature), where, "wanted a PNG file, got another format");
    std::vector<PngChunk> out;
    for (auto rest = file.subspan(png_signature.size());;) {
        check(rest.size() >= frame, where, "wanted a whole PNG file, got one that ends without IEND");
        const std::size_t length = big_endian(rest);
        check(length <= rest.size() - frame, where, "wanted a whole PNG file, got a chunk of ", length,
              " bytes where ", rest.size() - frame, " are left");
        const auto body = rest.subspan(4, 4 + length);
        const auto sum = ::crc32_z(0, body.data(), body.size());
        check(sum == big_endian(rest.subspan(8 + length)), where,
              "wanted an undamaged PNG file, got a chunk with a wrong checksum at byte ",
              file.size() - rest.size());
        out.push_back({as_text(body.first(4)), body.subspan(4)});
        if (out.back().type == "IEND") return out;
        rest = rest.subspan(frame + length);
    }
}

}  // namespace hra

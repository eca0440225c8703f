// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "image/png.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <unicode/unistr.h>
#include <zlib.h>

#include "core/error.h"
#include "core/files.h"
#include "image/png_chunks.h"

namespace hra {
namespace {

constexpr std::size_t max_text_bytes = std::size_t{16} << 20;
constexpr std::size_t max_keyword = 79;

// ---- Text encodings ----

icu::UnicodeString decoded(std::string_view utf8) {
    check(utf8.size() <= max_text_bytes, "png", "wanted at most ", max_text_bytes, " bytes of text, got ",
          utf8.size());
    return icu::UnicodeString::fromUTF8(
        icu::StringPiece(utf8.data(), static_cast<std::int32_t>(utf8.size())));
}

std::optional<std::string> to_latin1(const icu::UnicodeString& text) {
    std::string out;
    for (std::int32_t i = 0; i < text.length(); ++i) {
        if (text[i] > 0xFF) return std::nullopt;
        out += static_cast<char>(text[i]);
    }
    return out;
}

std::string from_latin1(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x80) out += static_cast<char>(0xC0 | (byte >> 6));
        out += static_cast<char>(byte >= 0x80 ? 0x80 | (byte & 0x3F) : byte);
    }
    return out;
}

/// Well-formed UTF-8, whatever comes in.
std::string mended(std::string_view utf8) {
    std::string out;
    return decoded(utf8).toUTF8String(out);
}

// ---- Writing ----

void append_number(std::string& out, std::size_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFF);
}

void append_chunk(std::string& out, std::string_view type, std::string_view data) {
    append_number(out, data.size());
    const std::size_t begin = out.size();
    out += type;
    out += data;
    append_number(out, ::crc32_z(0, reinterpret_cast<const Bytef*>(out.data()) + begin, out.size() - begin));
}

void append_text_chunk(std::string& out, const std::string& keyword, const std::string& value) {
    const auto key = to_latin1(decoded(keyword));
    check(key && !key->empty() && key->size() <= max_keyword && key->find('\0') == std::string::npos, "png",
          "wanted a keyword of 1 to ", max_keyword, " Latin-1 characters, got '", keyword, "'");
    const auto text = decoded(value);
    if (const auto latin1 = to_latin1(text)) return append_chunk(out, "tEXt", concat(*key, '\0', *latin1));
    // Not compressed (two zero bytes), neither language nor translated keyword (each ends with a zero).
    std::string data = *key + std::string(5, '\0');
    text.toUTF8String(data);
    append_chunk(out, "iTXt", data);
}

int paeth(int left, int up, int corner) {
    const int by_left = std::abs(up - corner), by_up = std::abs(left - corner);
    const int by_corner = std::abs(left + up - 2 * corner);
    if (by_left <= by_up && by_left <= by_corner) return left;
    return by_up <= by_corner ? up : corner;
}

/// Filters one row by `type` (0 none, 1 sub, 2 up, 3 average, 4 Paeth) and returns the sum of the magnitudes.
template <int type>
long filter_row(const std::uint8_t* row, const std::uint8_t* above, std::size_t step, std::size_t length,
                std::uint8_t* out) {
    const auto guess = [](int left, int up, int corner) {
        if constexpr (type == 0) return 0;
        if constexpr (type == 1) return left;
        if constexpr (type == 2) return up;
        if constexpr (type == 3) return (left + up) / 2;
        if constexpr (type == 4) return paeth(left, up, corner);
    };
    for (std::size_t i = 0; i < std::min(step, length); ++i)
        out[i] = static_cast<std::uint8_t>(row[i] - guess(0, above[i], 0));
    for (std::size_t i = step; i < length; ++i)
        out[i] = static_cast<std::uint8_t>(row[i] - guess(row[i - step], above[i], above[i - step]));
    long sum = 0;
    for (std::size_t i = 0; i < length; ++i) sum += std::abs(static_cast<std::int8_t>(out[i]));
    return sum;
}

/// Each row with the filter whose differences are smallest, which the PNG specification recommends.
std::vector<std::uint8_t> filtered(const Image& image) {
    const auto step = static_cast<std::size_t>(image.channels);
    const auto length = static_cast<std::size_t>(image.width) * step;
    constexpr std::array filters{filter_row<0>, filter_row<1>, filter_row<2>, filter_row<3>, filter_row<4>};
    const std::vector<std::uint8_t> black(length);
    std::vector<std::uint8_t> out, candidate(length), best(length);
    out.reserve((length + 1) * static_cast<std::size_t>(image.height));
    const std::uint8_t* above = black.data();
    for (int y = 0; y < image.height; ++y) {
        const auto* row = image.pixels.data() + static_cast<std::size_t>(y) * length;
        long least = -1;
        std::uint8_t chosen = 0;
        for (std::uint8_t type = 0; type < filters.size(); ++type) {
            const long sum = filters[type](row, above, step, length, candidate.data());
            if (least >= 0 && sum >= least) continue;
            least = sum;
            chosen = type;
            std::swap(best, candidate);
        }
        out.push_back(chosen);
        out.insert(out.end(), best.begin(), best.end());
        above = row;
    }
    return out;
}

std::string deflated(const std::vector<std::uint8_t>& data) {
    constexpr int level = 6;
    uLongf size = ::compressBound(data.size());
    std::string out(size, '\0');
    const int code =
        ::compress2(reinterpret_cast<Bytef*>(out.data()), &size, data.data(), data.size(), level);
    check(code == Z_OK, "png", "cannot compress the picture: zlib's error ", code);
    out.resize(size);
    return out;
}

// ---- Reading ----

std::string inflated(std::string_view data, std::string_view where) {
    z_stream stream{};
    check(::inflateInit(&stream) == Z_OK, where, "cannot start zlib");
    const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, ::inflateEnd);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
    stream.avail_in = static_cast<uInt>(data.size());
    std::string out;
    std::array<char, 16384> buffer;
    int code = Z_OK;
    while (code == Z_OK) {
        stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
        stream.avail_out = static_cast<uInt>(buffer.size());
        code = ::inflate(&stream, Z_NO_FLUSH);
        out.append(buffer.data(), buffer.size() - stream.avail_out);
        check(out.size() <= max_text_bytes, where, "wanted at most ", max_text_bytes,
              " bytes of text, got more");
    }
    check(code == Z_STREAM_END, where, "wanted compressed text, got damaged data");
    return out;
}

/// What comes before the next zero byte (or all, if there is none); it and the zero go from `rest`.
std::string_view take_field(std::string_view& rest) {
    const auto field = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(rest.size(), field.size() + 1));
    return field;
}

std::string compressed_text_value(std::string_view rest, std::string_view where) {
    check(!rest.empty() && rest.front() == 0, where, "wanted text compressed by zlib, got another method");
    return from_latin1(inflated(rest.substr(1), where));
}

std::string international_text_value(std::string_view rest, std::string_view where) {
    check(rest.size() >= 2, where, "wanted an iTXt chunk with its flags, got ", rest.size(), " bytes");
    const bool compressed = rest[0] != 0;
    check(!compressed || rest[1] == 0, where, "wanted text compressed by zlib, got another method");
    rest.remove_prefix(2);
    take_field(rest);  // the language
    take_field(rest);  // the translated keyword
    return mended(compressed ? inflated(rest, where) : std::string(rest));
}

}  // namespace

std::string encode_png(const Image& image, const PngText& text) {
    const bool known = image.channels == 1 || image.channels == 3 || image.channels == 4;
    check(known && image.width > 0 && image.height > 0, "png",
          "wanted a picture with 1, 3 or 4 channels, got ", image.width, 'x', image.height, 'x',
          image.channels);
    std::string header;
    append_number(header, static_cast<std::size_t>(image.width));
    append_number(header, static_cast<std::size_t>(image.height));
    const int colour_type = image.channels == 1 ? 0 : image.channels == 3 ? 2 : 6;
    header += {8, static_cast<char>(colour_type), 0, 0, 0};
    std::string out(png_signature);
    append_chunk(out, "IHDR", header);
    for (const auto& [keyword, value] : text) append_text_chunk(out, keyword, value);
    append_chunk(out, "IDAT", deflated(filtered(image)));
    append_chunk(out, "IEND", {});
    return out;
}

void save_png(const std::filesystem::path& path, const Image& image, const PngText& text) {
    write_file(path, encode_png(image, text));
}

PngText read_png_text(std::span<const std::uint8_t> file, std::string_view where) {
    PngText out;
    std::size_t total = 0;
    for (const auto& chunk : png_chunks(file, where)) {
        if (chunk.type != "tEXt" && chunk.type != "zTXt" && chunk.type != "iTXt") continue;
        std::string_view rest(reinterpret_cast<const char*>(chunk.data.data()), chunk.data.size());
        const std::string keyword = from_latin1(take_field(rest));
        std::string value = chunk.type == "tEXt"   ? from_latin1(rest)
                            : chunk.type == "zTXt" ? compressed_text_value(rest, where)
                                                   : international_text_value(rest, where);
        total += value.size();
        check(total <= max_text_bytes, where, "wanted at most ", max_text_bytes, " bytes of text, got more");
        out[keyword] = std::move(value);
    }
    return out;
}

PngText read_png_text(const std::filesystem::path& path) {
    const auto file = MappedFile::open(path);
    return read_png_text(file->bytes(), path.string());
}

}  // namespace hra

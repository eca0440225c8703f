// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "image/png.h"

#include <random>

#include <gtest/gtest.h>
#include <zlib.h>

#include "core/error.h"
#include "core/files.h"
#include "image/load.h"
#include "image/png_chunks.h"
#include "support/fixtures.h"

namespace hra {
namespace {

std::span<const std::uint8_t> bytes(const std::string& text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Smooth, with noise in one corner, so that all row filters get their turn.
Image sample(int width, int height, int channels) {
    Image image(width, height, channels);
    std::mt19937 random(1);
    for (std::size_t i = 0; i < image.pixels.size(); ++i)
        image.pixels[i] = static_cast<std::uint8_t>(i % 3 == 0 ? i / 7 : i * i / 50 + random() % 3);
    return image;
}

std::string number(std::size_t value) {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFF);
    return out;
}

/// A PNG's chunk structure around one chunk.
std::string file_with(const std::string& type, const std::string& data) {
    const auto chunk = [](const std::string& t, const std::string& d) {
        const std::string body = t + d;
        return number(d.size()) + body + number(::crc32_z(0, bytes(body).data(), body.size()));
    };
    return std::string(png_signature) + chunk(type, data) + chunk("IEND", "");
}

PngText text_of(const std::string& file) {
    return read_png_text(bytes(file), "test");
}

std::string compressed(const std::string& text) {
    uLongf size = ::compressBound(text.size());
    std::string out(size, '\0');
    ::compress(reinterpret_cast<Bytef*>(out.data()), &size, bytes(text).data(), text.size());
    out.resize(size);
    return out;
}

TEST(SavePng, ComesBackPixelByPixel) {
    const test::TemporaryFolder folder;
    const auto path = folder.path() / "new" / "picture.png";
    const Image image = sample(61, 37, 3);
    save_png(path, image);
    const Image read = load_image(path);
    EXPECT_EQ(read.width, 61);
    EXPECT_EQ(read.height, 37);
    EXPECT_EQ(read.pixels, image.pixels);
}

TEST(SavePng, WritesGreyAndAlpha) {
    const Image grey = sample(5, 4, 1);
    const Image read = decode_image(bytes(encode_png(grey)), "test");
    for (std::size_t i = 0; i < grey.pixels.size(); ++i)
        for (std::size_t c = 0; c < 3; ++c) EXPECT_EQ(read.pixels[3 * i + c], grey.pixels[i]);
    const Image alpha = sample(5, 4, 4);
    EXPECT_EQ(decode_image(bytes(encode_png(alpha)), "test").pixels[4], alpha.pixels[5]);
    EXPECT_ERROR(encode_png(Image()), "[png] wanted a picture with 1, 3 or 4 channels, got 0x0x3");
}

TEST(PngText, ComesBackFromLatin1AndUtf8) {
    const PngText text{
        {"parameters", "caf\u00E9 (x:1.2)\nSteps: 20"}, {"Title", "\u732B \U0001F600"}, {"e", ""}};
    const std::string file = encode_png(sample(4, 4, 3), text);
    EXPECT_EQ(text_of(file), text);
    EXPECT_NE(file.find(std::string("tEXtparameters\0caf\xE9 ", 20)), std::string::npos);
    EXPECT_NE(file.find(std::string("iTXtTitle\0\0\0\0\0\u732B", 17)), std::string::npos);
}

TEST(PngText, MendsBadUtf8AndRefusesBadKeywords) {
    const Image image = sample(1, 1, 3);
    EXPECT_EQ(text_of(encode_png(image, {{"k", "a\xFFz"}})).at("k"), "a\uFFFDz");
    EXPECT_ERROR(encode_png(image, {{"", "x"}}), "wanted a keyword of 1 to 79");
    EXPECT_ERROR(encode_png(image, {{std::string(80, 'k'), "x"}}), "wanted a keyword of 1 to 79");
    EXPECT_ERROR(encode_png(image, {{"\u732B", "x"}}), "wanted a keyword of 1 to 79");
}

TEST(PngText, IsReadCompressed) {
    using namespace std::string_literals;
    EXPECT_EQ(text_of(file_with("zTXt", "k\0\0"s + compressed("caf\xE9"))).at("k"), "caf\u00E9");
    EXPECT_EQ(text_of(file_with("iTXt", "k\0\1\0en\0\0"s + compressed("\u732B"))).at("k"), "\u732B");
    EXPECT_ERROR(text_of(file_with("zTXt", "k\0\0junk"s)), "[test] wanted compressed text, got damaged data");
    EXPECT_ERROR(text_of(file_with("zTXt", "k"s)), "wanted text compressed by zlib");
    EXPECT_ERROR(text_of(file_with("iTXt", "k\0"s)), "wanted an iTXt chunk with its flags");
    const std::string bomb = compressed(std::string(20 << 20, 'a'));
    EXPECT_ERROR(text_of(file_with("zTXt", "k\0\0"s + bomb)), "bytes of text, got more");
}

TEST(PngText, RefusesDamagedFiles) {
    const std::string file = encode_png(sample(8, 8, 3), {{"key", "value"}});
    for (std::size_t size = 0; size < file.size(); ++size)
        EXPECT_ERROR(text_of(file.substr(0, size)), "[test] wanted");
    std::string flipped = file;
    flipped[45] = static_cast<char>(flipped[45] ^ 1);
    EXPECT_ERROR(text_of(flipped), "wrong checksum");
    const test::TemporaryFolder folder;
    write_file(folder.path() / "not.png", "GIF89a");
    EXPECT_ERROR(read_png_text(folder.path() / "not.png"), "not.png] wanted a PNG file");
}

TEST(PngText, SurvivesAnyBytes) {
    const std::string good = encode_png(sample(8, 8, 3), {{"key", "\u732B"}, {"parameters", "value"}});
    std::mt19937 random(9);
    for (int round = 0; round < 5000; ++round) {
        std::string bad = good;
        for (unsigned i = 0; i < 1 + random() % 6; ++i)
            bad[random() % bad.size()] = static_cast<char>(random());
        try {
            text_of(bad);
        } catch (const Error&) {
            // Refused, which is as good as understood.
        }
    }
}

}  // namespace
}  // namespace hra

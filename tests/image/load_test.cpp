// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "image/load.h"

#include <random>
#include <string>

#include <gtest/gtest.h>
#include <zlib.h>

#include "core/error.h"
#include "core/files.h"
#include "image/png.h"
#include "image/png_chunks.h"
#include "support/fixtures.h"

namespace hra {
namespace {

std::span<const std::uint8_t> bytes(const std::string& text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Image decoded(const std::string& file, Orientation orientation = Orientation::as_stored) {
    return decode_image(bytes(file), "test", orientation);
}

/// Gives every chunk the checksum of its present content, so that damage gets past the first gate.
void mend_checksums(std::string& png) {
    for (std::size_t at = png_signature.size(); at + 12 <= png.size();) {
        std::size_t length = 0;
        for (std::size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<std::uint8_t>(png[at + i]);
        if (length > png.size() - at - 12) return;
        const auto sum = ::crc32_z(0, bytes(png).data() + at + 4, length + 4);
        for (std::size_t i = 0; i < 4; ++i)
            png[at + 8 + length + i] = static_cast<char>(sum >> (24 - 8 * i) & 0xFF);
        at += length + 12;
    }
}

/// An uncompressed BMP with 24 bits a pixel whose header states that size.
std::string bmp(std::uint32_t width, std::uint32_t height, const std::string& rows) {
    const auto little = [](std::uint32_t value, int size) {
        std::string out;
        for (int i = 0; i < size; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
        return out;
    };
    std::string out = "BM" + little(54, 4) + little(0, 4) + little(54, 4);
    out += little(40, 4) + little(width, 4) + little(height, 4) + little(1, 2) + little(24, 2);
    return out + std::string(24, '\0') + rows;
}

TEST(LoadImage, ReadsBmp) {
    const Image image = decoded(bmp(1, 2, std::string("\x03\x02\x01\0\x06\x05\x04\0", 8)));
    EXPECT_EQ(image.height, 2);
    EXPECT_EQ(image.pixels, (std::vector<std::uint8_t>{4, 5, 6, 1, 2, 3}));
}

TEST(LoadImage, RefusesWhatItCannotRead) {
    EXPECT_ERROR(decoded(""), "[test] wanted a picture as PNG, JPEG or BMP, got 0 bytes");
    EXPECT_ERROR(decoded("hello"), "wanted a picture as PNG, JPEG or BMP, got something else");
    EXPECT_ERROR(decoded("\xFF\xD8\xFF"), "[test] wanted a JPEG file, got");
    EXPECT_ERROR(decoded(bmp(16385, 1, "")), "16384 pixels a side and 100 megapixels, got 16385x1");
    EXPECT_ERROR(decoded(bmp(16384, 16384, "")), "100 megapixels, got 16384x16384");
    const test::TemporaryFolder folder;
    EXPECT_ERROR(load_image(folder.path() / "none.png"), "none.png");
    write_file(folder.path() / "bad.png", "text");
    EXPECT_ERROR(load_image(folder.path() / "bad.png"), "bad.png] wanted a picture");
}

TEST(LoadImage, RefusesTornAndDamagedPng) {
    Image image(9, 7, 3);
    const std::string file = encode_png(image);
    for (std::size_t size = 0; size < file.size(); ++size)
        EXPECT_ERROR(decoded(file.substr(0, size)), "[test] wanted");
    std::string flipped = file;
    flipped[50] = static_cast<char>(flipped[50] ^ 1);
    EXPECT_ERROR(decoded(flipped), "[test] wanted an undamaged PNG file");
}

TEST(LoadImage, RefusesAPngThatUnpacksToFarTooMuch) {
    // The data of a large picture behind the header of a small one.
    std::string bomb = encode_png(Image(8192, 4096, 1));
    const std::string small = encode_png(Image(1, 1, 1));
    bomb.replace(0, png_signature.size() + 25, small, 0, png_signature.size() + 25);
    EXPECT_ERROR(decoded(bomb), "[test] wanted an undamaged picture, got: outofmem");
}

TEST(LoadImage, TurnsPicturesOnRequest) {
    Image image(2, 1, 3);
    image.pixels = {1, 1, 1, 2, 2, 2};
    std::string file = encode_png(image);
    const std::string tiff("II\x2A\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0", 22);
    const std::string length_and_type(
        "\0\0\0\x16"
        "eXIf",
        8),
        checksum(4, '\0');
    file.insert(png_signature.size() + 25, length_and_type + tiff + checksum);
    mend_checksums(file);
    EXPECT_EQ(decoded(file).height, 1);
    EXPECT_EQ(decoded(file, Orientation::upright).height, 2);
}

void decode_or_refuse(const std::string& file) {
    try {
        decoded(file);
    } catch (const Error&) {
        // Refused, which is as good as understood.
    }
}

TEST(LoadImage, SurvivesAnyBytes) {
    Image image(16, 16, 3);
    for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(i * 7);
    const std::string good = encode_png(image, {{"key", "value"}}),
                      good_bmp = bmp(4, 3, std::string(36, 'x'));
    std::mt19937 random(13);
    for (int round = 0; round < 4000; ++round) {
        std::string bad = good;
        for (unsigned i = 0; i < 1 + random() % 6; ++i)
            bad[random() % bad.size()] = static_cast<char>(random());
        if (round % 4 != 0) mend_checksums(bad);
        decode_or_refuse(bad);
        bad = good_bmp;
        for (unsigned i = 0; i < 1 + random() % 6; ++i)
            bad[random() % bad.size()] = static_cast<char>(random());
        decode_or_refuse(bad);
    }
}

}  // namespace
}  // namespace hra

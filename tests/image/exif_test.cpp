// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "image/exif.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace hra {
namespace {

std::vector<std::uint8_t> little_tiff(std::uint8_t orientation) {
    return {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0};
}

std::vector<std::uint8_t> big_tiff(std::uint8_t orientation) {
    return {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0};
}

TEST(ExifOrientation, IsReadInBothByteOrders) {
    EXPECT_EQ(exif_orientation(little_tiff(6)), 6);
    EXPECT_EQ(exif_orientation(big_tiff(8)), 8);
}

TEST(ExifOrientation, IsUprightInDamagedBlocks) {
    EXPECT_EQ(exif_orientation({}), 1);
    EXPECT_EQ(exif_orientation(little_tiff(9)), 1);
    auto far_away = little_tiff(6);
    far_away[7] = 0xFF;
    EXPECT_EQ(exif_orientation(far_away), 1);
    auto cut = big_tiff(6);
    for (; !cut.empty(); cut.pop_back()) {
        const int orientation = exif_orientation(cut);
        EXPECT_TRUE(orientation == 1 || orientation == 6);
    }
}

/// The letters of a 3x2 picture "abc/def" with that orientation, row by row, after it has been put upright.
std::string turned(int orientation) {
    Image image(3, 2, 1);
    image.pixels = {'a', 'b', 'c', 'd', 'e', 'f'};
    const Image out = upright(image, orientation);
    std::string text;
    for (int y = 0; y < out.height; ++y) {
        const auto* row = out.pixels.data() + y * out.width;
        if (y > 0) text += '/';
        text.append(row, row + out.width);
    }
    return text;
}

TEST(Upright, TurnsAndMirrors) {
    EXPECT_EQ(turned(1), "abc/def");
    EXPECT_EQ(turned(2), "cba/fed");
    EXPECT_EQ(turned(3), "fed/cba");
    EXPECT_EQ(turned(4), "def/abc");
    EXPECT_EQ(turned(5), "ad/be/cf");
    EXPECT_EQ(turned(6), "da/eb/fc");
    EXPECT_EQ(turned(7), "fc/eb/da");
    EXPECT_EQ(turned(8), "cf/be/ad");
}

}  // namespace
}  // namespace hra

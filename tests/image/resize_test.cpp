// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "image/resize.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "support/fixtures.h"

namespace hra {
namespace {

Image ramp(int width, int height, int channels) {
    Image image(width, height, channels);
    for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(i * 5);
    return image;
}

TEST(Resize, KeepsEachChannelToItself) {
    const Image grey = ramp(13, 9, 1);
    Image colour(13, 9, 3);
    for (std::size_t i = 0; i < colour.pixels.size(); ++i) colour.pixels[i] = grey.pixels[i / 3];
    for (const auto filter :
         {Filter::nearest, Filter::box, Filter::bilinear, Filter::bicubic, Filter::lanczos}) {
        const Image a = resize(grey, 5, 20, filter), b = resize(colour, 5, 20, filter);
        ASSERT_EQ(b.pixels.size(), 3 * a.pixels.size());
        for (std::size_t i = 0; i < b.pixels.size(); ++i) EXPECT_EQ(b.pixels[i], a.pixels[i / 3]);
    }
}

TEST(Resize, LeavesFlatPicturesFlat) {
    Image flat(7, 7, 1);
    std::fill(flat.pixels.begin(), flat.pixels.end(), std::uint8_t{255});
    for (const int side : {1, 6, 7, 31})
        for (const auto filter : {Filter::box, Filter::bilinear, Filter::bicubic, Filter::lanczos})
            for (const auto value : resize(flat, side, side, filter).pixels) EXPECT_EQ(value, 255);
}

TEST(Resize, SkipsAPassThatChangesNothing) {
    const Image image = ramp(8, 6, 3);
    EXPECT_EQ(resize(image, 8, 6, Filter::lanczos).pixels, image.pixels);
    EXPECT_EQ(resize(image, 8, 3, Filter::bilinear).height, 3);
    EXPECT_EQ(resize(image, 4, 6, Filter::bilinear).width, 4);
}

TEST(Resize, TakesTheShorterEdge) {
    EXPECT_EQ(resize_shorter_edge(ramp(96, 72, 1), 40, Filter::bilinear).width, 53);
    EXPECT_EQ(resize_shorter_edge(ramp(72, 96, 1), 40, Filter::bilinear).height, 53);
}

TEST(Resize, RefusesBadSizes) {
    EXPECT_ERROR(resize(ramp(2, 2, 1), 0, 5, Filter::box), "[resize] wanted sides from 1 to 16384");
    EXPECT_ERROR(resize(Image(), 5, 5, Filter::box), "[resize] wanted a picture with 1 or 3 channels");
    EXPECT_ERROR(resize(ramp(2, 2, 4), 5, 5, Filter::box), "got 2x2x4");
    EXPECT_ERROR(resize_shorter_edge(ramp(100, 1, 1), 400, Filter::box), "got 400 and 40000");
}

TEST(CenterCrop, RoundsTheOffsetHalfToEven) {
    Image image(5, 1, 1);
    image.pixels = {0, 1, 2, 3, 4};
    EXPECT_EQ(center_crop(image, 4, 1).pixels[0], 0);  // round(0.5) = 0
    EXPECT_EQ(center_crop(image, 2, 1).pixels[0], 2);  // round(1.5) = 2
    EXPECT_ERROR(center_crop(image, 6, 1), "[crop] wanted a part of the picture of 5x1, got 6x1");
}

}  // namespace
}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "image/grid.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "support/fixtures.h"

namespace hra {
namespace {

Image filled(int width, int height, std::uint8_t value) {
    Image image(width, height, 1);
    std::fill(image.pixels.begin(), image.pixels.end(), value);
    return image;
}

TEST(MakeGrid, PlacesRowByRow) {
    const auto grid = make_grid({filled(2, 1, 1), filled(2, 1, 2), filled(2, 1, 3)});
    EXPECT_EQ(grid.width, 4);
    EXPECT_EQ(grid.height, 2);
    EXPECT_EQ(grid.pixels, (std::vector<std::uint8_t>{1, 1, 2, 2, 3, 3, 0, 0}));
    EXPECT_EQ(make_grid({filled(1, 1, 1), filled(1, 1, 2)}, 9).pixels, (std::vector<std::uint8_t>{1, 2}));
    EXPECT_EQ(make_grid({filled(1, 1, 1), filled(1, 1, 2)}, 1).height, 2);
}

TEST(MakeGrid, RefusesWhatDoesNotFitTogether) {
    EXPECT_ERROR(make_grid({}), "[grid] wanted pictures");
    EXPECT_ERROR(make_grid({filled(2, 1, 1), filled(1, 2, 1)}), "got 1x2x1 as picture 2");
}

}  // namespace
}  // namespace hra

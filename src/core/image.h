// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// An 8-bit picture in memory: the only image type that crosses layers without torch or OpenCV.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hra {

/// Interleaved 8-bit samples, rows from the top, no padding between rows.
struct Image {
    int width = 0;
    int height = 0;
    int channels = 3;                  // 1 grey, 3 RGB, 4 RGBA
    std::vector<std::uint8_t> pixels;  // height * width * channels

    Image() = default;
    Image(int w, int h, int c)
        : width(w),
          height(h),
          channels(c),
          pixels(static_cast<std::size_t>(w) * static_cast<std::size_t>(h) * static_cast<std::size_t>(c)) {}

    bool empty() const { return pixels.empty(); }
};

}  // namespace hra

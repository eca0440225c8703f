// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "image/grid.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "core/error.h"

namespace hra {
namespace {

void paste(const Image& tile, Image& sheet, int column, int row) {
    const auto channels = static_cast<std::size_t>(tile.channels);
    const auto line = static_cast<std::size_t>(tile.width) * channels;
    const auto sheet_line = static_cast<std::size_t>(sheet.width) * channels;
    const auto height = static_cast<std::size_t>(tile.height);
    auto* to = sheet.pixels.data() + static_cast<std::size_t>(row) * height * sheet_line +
               static_cast<std::size_t>(column) * line;
    for (std::size_t y = 0; y < height; ++y)
        std::copy_n(tile.pixels.data() + y * line, line, to + y * sheet_line);
}

}  // namespace

Image make_grid(const std::vector<Image>& images, int columns) {
    check(!images.empty() && columns >= 0, "grid", "wanted pictures and a column count from 0 on, got ",
          images.size(), " pictures and ", columns, " columns");
    const int count = static_cast<int>(images.size());
    if (columns == 0) columns = static_cast<int>(std::ceil(std::sqrt(count)));
    columns = std::min(columns, count);
    const Image& first = images.front();
    Image sheet(first.width * columns, first.height * ((count + columns - 1) / columns), first.channels);
    for (int i = 0; i < count; ++i) {
        const Image& image = images[static_cast<std::size_t>(i)];
        check(image.width == first.width && image.height == first.height && image.channels == first.channels,
              "grid", "wanted pictures of ", first.width, 'x', first.height, 'x', first.channels, ", got ",
              image.width, 'x', image.height, 'x', image.channels, " as picture ", i + 1);
        paste(image, sheet, i % columns, i / columns);
    }
    return sheet;
}

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "models/tiling.h"

#include <algorithm>
#include <vector>

#include <torch/torch.h>

#include "core/error.h"

namespace hra {
namespace {

/// Fades the end of `before` into the start of `tile`, in place, along one dimension.
void blend(const torch::Tensor& before, torch::Tensor& tile, std::int64_t extent, std::int64_t dim) {
    extent = std::min({extent, before.size(dim), tile.size(dim)});
    if (extent == 0) return;
    std::vector<std::int64_t> shape(4, 1);
    shape[static_cast<std::size_t>(dim)] = extent;
    const auto weight = (torch::arange(extent, tile.options()) / extent).view(shape);
    auto start = tile.narrow(dim, 0, extent);
    const auto end = before.narrow(dim, before.size(dim) - extent, extent);
    start.copy_(end * (1 - weight) + start * weight);
}

torch::Tensor crop(const torch::Tensor& tile, std::int64_t limit) {
    return tile.narrow(2, 0, std::min(limit, tile.size(2))).narrow(3, 0, std::min(limit, tile.size(3)));
}

}  // namespace

torch::Tensor tiled(const torch::Tensor& x, const Tiling& tiling,
                    const std::function<torch::Tensor(const torch::Tensor&)>& work) {
    constexpr std::int64_t down = 2, right = 3;  // dimensions
    constexpr double most_overlap = 0.5;         // beyond it a tile would reach past its second neighbour
    check(tiling.in >= 2 && tiling.out >= 2 && tiling.overlap >= 0 && tiling.overlap <= most_overlap,
          "tiling", "wanted tiles of at least 2 elements that overlap by 0 to ", most_overlap, ", got ",
          tiling.in, " and ", tiling.overlap);
    const auto step = static_cast<std::int64_t>(static_cast<double>(tiling.in) * (1 - tiling.overlap));
    const auto extent = static_cast<std::int64_t>(static_cast<double>(tiling.out) * tiling.overlap);
    const auto limit = tiling.out - extent;
    std::vector<torch::Tensor> rows, above;
    for (std::int64_t top = 0; top < x.size(down); top += step) {
        const auto band = x.narrow(down, top, std::min(tiling.in, x.size(down) - top));
        std::vector<torch::Tensor> tiles, cropped;
        for (std::int64_t left = 0; left < x.size(right); left += step) {
            auto tile = work(band.narrow(right, left, std::min(tiling.in, x.size(right) - left)));
            if (!above.empty()) blend(above[tiles.size()], tile, extent, down);
            if (!tiles.empty()) blend(tiles.back(), tile, extent, right);
            cropped.push_back(crop(tile, limit));
            tiles.push_back(std::move(tile));
        }
        rows.push_back(torch::cat(cropped, right));
        above = std::move(tiles);
    }
    return torch::cat(rows, down);
}

}  // namespace hra

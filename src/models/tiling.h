// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Work on a picture in overlapping tiles whose results are blended (diffusers: AutoencoderKL.tiled_encode and
// tiled_decode).
#pragma once

#include <cstdint>
#include <functional>

#include <torch/types.h>

namespace hra {

struct Tiling {
    std::int64_t in;   // size of a tile of the input
    std::int64_t out;  // size of its result
    double overlap;    // part of a tile that it shares with the next one, 0 to 0.5
};

/// Applies `work` to the tiles of x [B, C, H, W] and joins the results, linearly blended where they overlap.
/// Throws Error on tiles of less than 2 elements and other overlaps.
torch::Tensor tiled(const torch::Tensor& x, const Tiling& tiling,
                    const std::function<torch::Tensor(const torch::Tensor&)>& work);

}  // namespace hra

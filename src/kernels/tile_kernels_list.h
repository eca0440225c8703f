// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The tables of this build; apart from tile_kernels.h, which must not include a standard header.
#pragma once

#include <vector>

#include "kernels/tile_kernels.h"

namespace hra::detail {

/// Every table this processor runs, the best last.
std::vector<const TileKernels*> supported_tile_kernels();

}  // namespace hra::detail

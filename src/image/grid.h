// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Many pictures on one sheet. diffusers: utils/pil_utils.py (make_image_grid).
#pragma once

#include <vector>

#include "core/image.h"

namespace hra {

/// Places pictures of one size and channel count row by row, without gaps; missing ones stay black.
/// `columns` 0 gives a sheet about as wide as it is high in pictures. Throws Error on an empty list or on
/// different sizes.
Image make_grid(const std::vector<Image>& images, int columns = 0);

}  // namespace hra

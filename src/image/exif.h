// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The orientation that a camera notes in its pictures. EXIF 2.32, tag 0x0112; Pillow:
// ImageOps.exif_transpose.
#pragma once

#include <cstdint>
#include <span>

#include "core/image.h"

namespace hra {

/// The orientation, 1 (upright) to 8, in a TIFF block; 1 when it holds none or is damaged.
int exif_orientation(std::span<const std::uint8_t> tiff);

/// Turns and mirrors a picture with that orientation so that it stands upright.
Image upright(const Image& image, int orientation);

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Resizing to the last bit as Pillow does it, and torchvision's crop. Pillow: src/libImaging/Resample.c and
// Geometry.c (nearest); torchvision: transforms/functional.py (resize, center_crop).
#pragma once

#include "core/image.h"

namespace hra {

enum class Filter { nearest, box, bilinear, bicubic, lanczos };

/// Resizes to width x height pixels. All filters but nearest are antialiased (their support grows with the
/// reduction), work in fixed point and round to 8 bits after the horizontal and after the vertical pass.
/// One or three channels: with alpha, colours would have to be weighted. Throws Error on empty pictures and
/// on sizes outside 1..16384.
Image resize(const Image& image, int width, int height, Filter filter);

/// Resizes so that the shorter edge has `size` pixels and the longer one int(size * longer / shorter).
Image resize_shorter_edge(const Image& image, int size, Filter filter);

/// The middle width x height pixels; of two middles the one that Python's round() takes (half to even).
/// Throws Error when the picture is smaller.
Image center_crop(const Image& image, int width, int height);

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Between 8-bit pictures, image tensors and latents (diffusers: image_processor.py, VaeImageProcessor).
#pragma once

#include <vector>

#include <torch/types.h>

#include "core/image.h"

namespace hra {

/// RGB picture -> [1, 3, H, W] float32 in [-1, 1].
torch::Tensor image_to_tensor(const Image& image);

/// [B, 3, H, W] in [-1, 1] (clamped) -> B RGB pictures, rounded half to even as diffusers does.
std::vector<Image> tensor_to_images(const torch::Tensor& batch);

/// A cheap look at unfinished latents: [4, h, w] -> RGB picture of w x h pixels by a linear projection of the
/// four channels, fitted to SD v1's autoencoder. Costs microseconds.
Image preview_of_latents(const torch::Tensor& latents);

}  // namespace hra

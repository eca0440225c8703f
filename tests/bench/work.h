// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// How much arithmetic a model evaluation is, by kind, counted from its configuration.
#pragma once

#include <cstdint>

#include "models/autoencoder_kl.h"
#include "models/clip_text_model.h"
#include "models/unet_2d_condition.h"

namespace hra::bench {

/// Floating-point operations (a multiply-add is two). Norms, activations and sums are not counted.
struct Work {
    double convolution = 0;
    double linear = 0;
    double attention = 0;  // the two products of each attention

    double total() const { return convolution + linear + attention; }
};

/// One evaluation for `batch` latents of height x width with `text_length` tokens each.
Work unet_work(const UNet2DConditionConfig& config, std::int64_t batch, std::int64_t height,
               std::int64_t width, std::int64_t text_length);

/// One decoding of a latent of height x width.
Work vae_decode_work(const AutoencoderKLConfig& config, std::int64_t height, std::int64_t width);

/// One evaluation of a batch of texts of `length` tokens.
Work text_encoder_work(const CLIPTextConfig& config, std::int64_t batch, std::int64_t length);

}  // namespace hra::bench

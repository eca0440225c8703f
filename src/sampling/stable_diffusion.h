// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// A loaded Stable Diffusion v1 model: tokenizer, text encoder, UNet and autoencoder on one device in one
// dtype.
#pragma once

#include <functional>
#include <string>

#include <torch/types.h>

#include "core/json.h"
#include "models/autoencoder_kl.h"
#include "models/clip_text_model.h"
#include "models/unet_2d_condition.h"
#include "text/clip_tokenizer.h"
#include "weights/model_folder.h"

namespace hra {

struct StableDiffusion {
    CLIPTokenizer tokenizer;
    CLIPTextModel text_encoder{nullptr};
    UNet2DConditionModel unet{nullptr};
    AutoencoderKL vae{nullptr};
    Json scheduler_config = {};
    torch::Device device = torch::kCPU;
    torch::ScalarType dtype = torch::kFloat32;

    /// Pixels per latent in each direction.
    std::int64_t vae_scale() const;
    /// The side in pixels that the UNet was trained on.
    std::int64_t native_size() const;
};

/// Loads all components for inference; `after_component` is called after each and may throw to stop. Throws
/// Error naming the file and the names that do not fit.
StableDiffusion load_stable_diffusion(const ModelFolder& folder, torch::Device device,
                                      torch::ScalarType dtype,
                                      const std::function<void()>& after_component = {});

/// "auto" takes CUDA where there is some, else the CPU. Throws Error on an unknown or absent device.
torch::Device device_from_name(const std::string& name);

/// "auto" takes fp16 on CUDA, bf16 on CPUs that multiply it natively, else fp32. Throws Error for fp16 on a
/// CPU.
torch::ScalarType dtype_from_name(const std::string& name, torch::Device device);

}  // namespace hra

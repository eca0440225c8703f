// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The denoising loop with classifier-free guidance.
// diffusers: pipelines/stable_diffusion/pipeline_stable_diffusion.py, StableDiffusionPipeline.__call__
#pragma once

#include <functional>

#include <torch/types.h>

#include "models/unet_2d_condition.h"
#include "schedulers/noise.h"
#include "schedulers/scheduler.h"

namespace hra {

struct DenoiseInputs {
    torch::Tensor latents;        // [B, 4, h, w], float32: noise times init_noise_sigma, or a noised picture
    torch::Tensor prompt_embeds;  // [B, L, C]
    torch::Tensor negative_embeds;  // [B, L, C]; undefined or guidance_scale <= 1: no guidance
    double guidance_scale = 7.5;
    double guidance_rescale = 0;
    double eta = 0;              // of DDIM
    std::size_t first_call = 0;  // index into the scheduler's timesteps
    NoiseFunction noise;         // for stochastic samplers
};

/// Called after each evaluation of the UNet with the number of finished ones and the latents; may throw to
/// stop.
using AfterCall = std::function<void(std::size_t done, const torch::Tensor& latents)>;

/// Runs the timesteps of a scheduler on which set_timesteps() was called, from first_call on, and returns the
/// final latents, float32. Throws Error when they are not finite.
torch::Tensor denoise(UNet2DConditionModel& unet, Scheduler& scheduler, const DenoiseInputs& inputs,
                      const AfterCall& after_call = {});

}  // namespace hra

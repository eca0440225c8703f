// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "sampling/denoise.h"

#include <cmath>

#include <torch/torch.h>

#include "core/error.h"

namespace hra {
namespace {

/// Moves the guided noise back to the spread of the prompt's own, by the share `amount`
/// (arXiv 2305.08891, section 3.4).
torch::Tensor rescale(const torch::Tensor& guided, const torch::Tensor& prompted, double amount) {
    const auto spread = [](const torch::Tensor& x) {
        return x.std({1, 2, 3}, /*unbiased=*/true, /*keepdim=*/true);
    };
    return guided * (amount * spread(prompted) / spread(guided) + (1 - amount));
}

/// One prediction: both halves of the guidance in one batch, the negative prompt first.
class Predictor {
public:
    Predictor(UNet2DConditionModel& unet, const DenoiseInputs& inputs)
        : unet_(unet), scale_(inputs.guidance_scale), rescale_(inputs.guidance_rescale) {
        guided_ = scale_ > 1 && inputs.negative_embeds.defined();
        embeds_ = guided_ ? torch::cat({inputs.negative_embeds, inputs.prompt_embeds}) : inputs.prompt_embeds;
    }

    /// latents [B, 4, h, w], timestep scalar -> noise (or whatever the model predicts) [B, 4, h, w].
    torch::Tensor operator()(const torch::Tensor& latents, double timestep) {
        UNetInputs inputs;
        inputs.sample = guided_ ? torch::cat({latents, latents}) : latents;
        inputs.timestep = torch::tensor(timestep, torch::kFloat32);
        inputs.encoder_hidden_states = embeds_;
        inputs.text_cache = &text_cache_;
        const auto output = unet_(inputs).to(torch::kFloat32);
        if (!guided_) return output;
        const auto halves = output.chunk(2);
        const auto mixed = halves[0] + scale_ * (halves[1] - halves[0]);
        return rescale_ > 0 ? rescale(mixed, halves[1], rescale_) : mixed;
    }

private:
    UNet2DConditionModel& unet_;
    double scale_, rescale_;
    bool guided_;
    torch::Tensor embeds_;
    CrossAttentionCache text_cache_;
};

/// A value that is not finite never becomes finite again, so looking at the sum is enough.
void check_finite(const torch::Tensor& latents, std::size_t done) {
    check(std::isfinite(latents.sum().item<double>()), "denoise",
          "wanted finite latents, got NaN or infinity after ", done,
          " steps (with half precision, try --dtype fp32; otherwise the weights may be damaged)");
}

}  // namespace

torch::Tensor denoise(UNet2DConditionModel& unet, Scheduler& scheduler, const DenoiseInputs& inputs,
                      const AfterCall& after_call) {
    const torch::InferenceMode inference;
    Predictor predict(unet, inputs);
    torch::Tensor latents = inputs.latents;
    for (std::size_t i = inputs.first_call; i < scheduler.calls(); ++i) {
        const auto output = predict(scheduler.scale_model_input(latents, i), scheduler.timestep(i));
        latents =
            scheduler.step(output, i, latents, inputs.noise, StepOptions{.eta = inputs.eta}).prev_sample;
        check_finite(latents, i + 1);
        if (after_call) after_call(i + 1 - inputs.first_call, latents);
    }
    return latents;
}

}  // namespace hra

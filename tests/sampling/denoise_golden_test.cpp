// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Whole runs of the pipeline against diffusers: every scheduler, guidance, rescaling, shapes, decoding.
#include <gtest/gtest.h>

#include <torch/torch.h>

#include "core/error.h"
#include "core/json.h"
#include "sampling/denoise.h"
#include "sampling/image_tensor.h"
#include "sampling/stable_diffusion.h"
#include "support/expect_close.h"
#include "support/fixtures.h"

namespace hra {
namespace {

// Rounding over a whole run: the originals differ by up to 8e-5 between float32 and float64.
constexpr test::Tolerance latents_tolerance{5e-4};
constexpr test::Tolerance embeds_tolerance{1e-4};
constexpr test::Tolerance image_tolerance{1e-3};

/// "ddim.5.guidance_1" -> scheduler, steps and what differs from the plain run.
struct RunName {
    std::string scheduler;
    std::int64_t steps;
    std::string variant;

    explicit RunName(const std::string& name) {
        const auto dot = name.find('.');
        const auto second = name.find('.', dot + 1);
        scheduler = name.substr(0, dot);
        steps = std::stoll(name.substr(dot + 1));
        variant = second == std::string::npos ? "" : name.substr(second + 1);
    }
};

/// Gives the recorded noise, call after call.
NoiseFunction recorded(const torch::Tensor& draws) {
    return [draws, next = std::int64_t{0}](at::IntArrayRef, const torch::TensorOptions&) mutable {
        return draws[next++];
    };
}

class PipelineGolden : public ::testing::TestWithParam<std::string> {
protected:
    static void SetUpTestSuite() {
        model_ = new StableDiffusion(load_stable_diffusion(ModelFolder::open(test::fixture("pipeline")),
                                                           torch::kCPU, torch::kFloat32));
        golden_ = new StateDict(test::golden("pipeline/golden.safetensors"));
    }
    static void TearDownTestSuite() {
        delete model_;
        delete golden_;
    }
    static inline StableDiffusion* model_ = nullptr;
    static inline StateDict* golden_ = nullptr;
};

double number_after(const std::string& text, const std::string& key, double fallback) {
    const auto at = text.find(key);
    return at == std::string::npos ? fallback : std::stod(text.substr(at + key.size()));
}

TEST_P(PipelineGolden, GivesTheLatentsAndPicturesOfDiffusers) {
    const std::string name = GetParam();
    const RunName run(name);
    const auto& golden = *golden_;
    const bool other_size = run.variant.starts_with("nonsquare");
    const auto runs = read_json(test::fixture("pipeline/runs.json"));
    const double guidance =
        number_after(run.variant, "guidance_scale_", runs.at("guidance_scale").get<double>());

    auto scheduler = make_scheduler(run.scheduler, model_->scheduler_config);
    scheduler->set_timesteps(run.steps);
    DenoiseInputs inputs;
    inputs.latents = golden.at(other_size ? "initial_latents_nonsquare" : "initial_latents") *
                     scheduler->init_noise_sigma();
    inputs.prompt_embeds = golden.at("prompt_embeds");
    inputs.negative_embeds = golden.at("negative_embeds");
    if (run.variant.ends_with("no_negative"))
        inputs.negative_embeds = golden.at("negative_embeds").slice(0, 0, 1).expand_as(inputs.prompt_embeds);
    inputs.guidance_scale = run.variant == "guidance_1" ? 1.0 : guidance;
    inputs.guidance_rescale = number_after(run.variant, "guidance_rescale_", 0);
    if (golden.contains(name + ".step_noise")) inputs.noise = recorded(golden.at(name + ".step_noise"));

    std::vector<torch::Tensor> after;
    const auto latents =
        denoise(model_->unet, *scheduler, inputs,
                [&](std::size_t, const torch::Tensor& now) { after.push_back(now.clone()); });
    EXPECT_CLOSE(latents, golden.at(name + ".latents"), latents_tolerance);
    if (golden.contains(name + ".latents_after_each_step")) {
        EXPECT_CLOSE(torch::stack(after), golden.at(name + ".latents_after_each_step"), latents_tolerance);
    }
    if (!golden.contains(name + ".image")) return;
    const auto decoded = model_->vae->decode(latents / model_->vae->config.scaling_factor);
    EXPECT_CLOSE((decoded / 2 + 0.5).clamp(0, 1), golden.at(name + ".image"), image_tolerance);
}

/// The runs that the file holds: names before ".latents".
std::vector<std::string> run_names() {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : test::golden("pipeline/golden.safetensors"))
        if (name.ends_with(".latents"))
            names.push_back(name.substr(0, name.size() - std::string(".latents").size()));
    return names;
}

INSTANTIATE_TEST_SUITE_P(Runs, PipelineGolden, ::testing::ValuesIn(run_names()),
                         [](const auto& run) { return test::test_name(run.param); });

TEST_F(PipelineGolden, EncodesPromptsAsTheOriginal) {
    const auto encode = [&](const char* ids) {
        return model_->text_encoder(golden_->at(ids)).last_hidden_state;
    };
    EXPECT_CLOSE(encode("prompt_ids"), golden_->at("prompt_embeds"), embeds_tolerance);
    EXPECT_CLOSE(encode("negative_ids"), golden_->at("negative_embeds"), embeds_tolerance);
}

}  // namespace
}  // namespace hra

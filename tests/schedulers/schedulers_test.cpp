// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <gtest/gtest.h>

#include <torch/torch.h>

#include "core/error.h"
#include "core/python_json.h"
#include "schedulers/names.h"
#include "schedulers/scheduler.h"
#include "support/expect_close.h"
#include "support/fixtures.h"

namespace hra {
namespace {

// Tens of float32 steps, each rounded once or twice.
constexpr test::Tolerance float_rounding{1e-4, 1e-5};
constexpr test::Tolerance exact{0};
// sigma of timestep 1, times a noise of at most 5.
constexpr test::Tolerance one_level_behind{0.2};
// Two roundings to half precision.
constexpr test::Tolerance half_rounding{1e-3, 2e-3};

const Json stable_diffusion = {
    {"beta_start", 0.00085}, {"beta_end", 0.012},    {"beta_schedule", "scaled_linear"},
    {"steps_offset", 1},     {"clip_sample", false}, {"set_alpha_to_one", false},
    {"skip_prk_steps", true}};

Json with(const Json& changes) {
    Json config = stable_diffusion;
    config.update(changes);
    return config;
}

torch::Tensor seeded(std::uint64_t seed, torch::Dtype dtype = torch::kFloat32) {
    return seeded_randn({2, 4, 6, 5}, seed, torch::TensorOptions().dtype(dtype));
}

/// The run of a model that knows the clean sample and predicts its noise without error, from call `begin`.
torch::Tensor sample_with_oracle(Scheduler& scheduler, const torch::Tensor& clean, std::size_t begin = 0) {
    NoiseSource noise(7);
    auto x = scheduler.add_noise(clean, seeded(3), begin);
    for (std::size_t i = begin; i < scheduler.calls(); ++i) {
        // Both sigma and abar describe the level: x = signal clean + sigma noise.
        const auto zero = torch::zeros_like(clean);
        const auto one = torch::ones_like(clean);
        const auto signal = scheduler.add_noise(one, zero, i);
        const auto sigma = scheduler.add_noise(zero, one, i);
        x = scheduler.step((x - signal * clean) / sigma, i, x, noise).prev_sample;
    }
    return x;
}

TEST(Schedulers, RecoverTheCleanSampleFromAPerfectModel) {
    // All of these end at noise level zero; the others stop at that of timestep 0 or of the last but one.
    const auto clean = seeded(1);
    for (const auto& [name, changes] :
         std::vector<std::pair<std::string, Json>>{{"ddim", {{"set_alpha_to_one", true}}},
                                                   {"ddpm", {}},
                                                   {"euler", {}},
                                                   {"euler_a", {}},
                                                   {"euler_karras", {}},
                                                   {"heun", {}},
                                                   {"heun_karras", {}},
                                                   {"lms", {}},
                                                   {"lms_karras", {}},
                                                   {"dpmpp_2m", {}},
                                                   {"dpmpp_2m", {{"solver_order", 3}}},
                                                   {"dpmpp_2m", {{"solver_type", "heun"}}},
                                                   {"dpmpp_2m_karras", {}},
                                                   {"dpmpp_2m_sde", {}},
                                                   {"dpmpp_2m_sde_karras", {}},
                                                   {"unipc", {}},
                                                   {"unipc_karras", {}}}) {
        SCOPED_TRACE(name + changes.dump());
        const auto scheduler = make_scheduler(name, with(changes.is_null() ? Json::object() : changes));
        scheduler->set_timesteps(20);
        EXPECT_CLOSE(sample_with_oracle(*scheduler, clean), clean, float_rounding);
    }
}

TEST(Schedulers, RunImageToImageThroughTheSameLoop) {
    const auto clean = seeded(1);
    for (const auto& name : sampler_names()) {
        SCOPED_TRACE(name);
        const auto scheduler = make_scheduler(name, with({{"set_alpha_to_one", true}}));
        scheduler->set_timesteps(20);
        const auto begin = scheduler->start_index(0.5);
        EXPECT_EQ(begin, name.starts_with("heun") ? 20U : 10U);
        EXPECT_EQ(scheduler->start_index(1), 0U);
        const auto result = sample_with_oracle(*scheduler, clean, begin);
        // PNDM repeats its first step also here, where the timesteps have no repetition, and so runs one
        // level behind to the end; that is diffusers' behaviour.
        if (name == "pndm") {
            EXPECT_CLOSE(result, clean, one_level_behind);
        } else {
            EXPECT_CLOSE(result, clean, float_rounding);
        }
    }
}

TEST(Schedulers, KeepTheSamplesDtypeAndComputeInFloat) {
    for (const auto& name : sampler_names())
        for (const auto dtype : {torch::kFloat16, torch::kBFloat16, torch::kFloat64}) {
            SCOPED_TRACE(name);
            const auto scheduler = make_scheduler(name, stable_diffusion);
            scheduler->set_timesteps(5);
            NoiseSource noise(1);
            const auto x = seeded(1, dtype);
            const auto half = scheduler->step(seeded(2, dtype), 0, x, noise);
            EXPECT_EQ(half.prev_sample.scalar_type(), dtype);
            EXPECT_EQ(scheduler->add_noise(x, x, 0).scalar_type(), dtype);
            EXPECT_EQ(scheduler->scale_model_input(x, 0).scalar_type(), dtype);
            if (dtype != torch::kFloat16) continue;
            NoiseSource same(1);
            scheduler->set_timesteps(5);
            const auto full =
                scheduler->step(seeded(2, dtype).to(torch::kFloat32), 0, x.to(torch::kFloat32), same);
            EXPECT_CLOSE(half.prev_sample, full.prev_sample, half_rounding);
        }
}

TEST(Schedulers, ForgetTheirHistoryWithEachRun) {
    const auto clean = seeded(1);
    for (const auto& name : sampler_names()) {
        SCOPED_TRACE(name);
        const auto scheduler = make_scheduler(name, stable_diffusion);
        scheduler->set_timesteps(7);
        const auto first = sample_with_oracle(*scheduler, clean);
        scheduler->set_timesteps(7);
        NoiseSource noise(0);
        scheduler->step(seeded(5), 0, seeded(6), noise);
        scheduler->set_timesteps(7);
        EXPECT_CLOSE(sample_with_oracle(*scheduler, clean), first, exact);
    }
}

TEST(Schedulers, RefuseCallsOutOfOrder) {
    const auto x = seeded(1);
    const auto scheduler = make_scheduler("dpmpp_2m", stable_diffusion);
    EXPECT_ERROR(scheduler->step(x, 0, x), "set_timesteps comes first");
    scheduler->set_timesteps(5);
    scheduler->step(x, 0, x);
    EXPECT_ERROR(scheduler->step(x, 3, x), "wanted call 1 next, got call 3");
    EXPECT_ERROR(scheduler->step(x, 5, x), "wanted a call from 0 to 5");
    EXPECT_ERROR(scheduler->step(x.narrow(0, 0, 1), 1, x), "wanted a model output of the sample's shape");
}

TEST(Schedulers, AskForNoiseOnlyWhenTheyNeedIt) {
    const auto x = seeded(1);
    const auto ddim = make_scheduler("ddim", stable_diffusion);
    ddim->set_timesteps(5);
    EXPECT_NO_THROW(ddim->step(x, 0, x));
    EXPECT_ERROR(ddim->step(x, 0, x, {}, {.eta = 1}), "wanted a source of noise");
    EXPECT_ERROR(ddim->step(x, 0, x, {}, {.eta = 2}), "wanted eta from 0 to 1");
}

TEST(Schedulers, CallTheModelAsOftenAsDiffusers) {
    for (const auto& [name, calls] : std::vector<std::pair<std::string, std::size_t>>{
             {"ddim", 10}, {"heun", 19}, {"pndm", 11}, {"unipc", 10}}) {
        const auto scheduler = make_scheduler(name, stable_diffusion);
        scheduler->set_timesteps(10);
        EXPECT_EQ(scheduler->calls(), calls) << name;
    }
    const auto single = make_scheduler("pndm", stable_diffusion);
    single->set_timesteps(1);
    EXPECT_EQ(single->calls(), 1U);
}

TEST(Schedulers, RefuseMoreStepsThanTimesteps) {
    for (const char* name : {"ddim", "ddpm", "pndm", "dpmpp_2m", "unipc"}) {
        const auto scheduler = make_scheduler(name, with({{"num_train_timesteps", 50}}));
        EXPECT_ERROR(scheduler->set_timesteps(51), "wanted at most 50 steps");
        EXPECT_ERROR(scheduler->set_timesteps(0), "wanted from 1 to");
    }
    // These interpolate between timesteps, as diffusers lets them.
    const auto euler = make_scheduler("euler", with({{"num_train_timesteps", 50}}));
    euler->set_timesteps(80);
    EXPECT_EQ(euler->calls(), 80U);
    EXPECT_ERROR(make_scheduler("ddim", stable_diffusion)->set_timesteps(1000),
                 "wanted timesteps up to 999, got 1000");
    EXPECT_ERROR(make_scheduler("pndm", with({{"skip_prk_steps", false}}))->set_timesteps(3),
                 "at least 4 steps");
}

TEST(Schedulers, AreFoundByNameAndByClass) {
    EXPECT_EQ(make_scheduler("DDIMScheduler", stable_diffusion)->config().class_name, "DDIMScheduler");
    EXPECT_EQ(make_scheduler("", with({{"_class_name", "PNDMScheduler"}}))->config().class_name,
              "PNDMScheduler");
    EXPECT_TRUE(make_scheduler("dpmpp_2m_karras", stable_diffusion)->config().use_karras_sigmas);
    EXPECT_ERROR(make_scheduler("eulr_a", stable_diffusion), "did you mean \"euler_a\"");
    EXPECT_ERROR(make_scheduler("DDIMSchedule", stable_diffusion), "did you mean \"DDIMScheduler\"");
    EXPECT_ERROR(make_scheduler("", stable_diffusion), "_class_name");
}

TEST(SchedulerConfig, TakesEachClassesOwnDefaults) {
    const Json none = Json::object();
    EXPECT_EQ(scheduler_config("DDIMScheduler", none).timestep_spacing, TimestepSpacing::leading);
    EXPECT_TRUE(scheduler_config("DDIMScheduler", none).clip_sample);
    EXPECT_EQ(scheduler_config("EulerDiscreteScheduler", none).timestep_spacing, TimestepSpacing::linspace);
    EXPECT_EQ(scheduler_config("HeunDiscreteScheduler", none).beta_end, 0.012);
    EXPECT_FALSE(scheduler_config("PNDMScheduler", none).set_alpha_to_one);
    EXPECT_EQ(scheduler_config("UniPCMultistepScheduler", {{"solver_type", "midpoint"}}).solver_type, "bh2");
    EXPECT_EQ(scheduler_config("DPMSolverMultistepScheduler", {{"solver_type", "bh2"}}).solver_type,
              "midpoint");
}

TEST(SchedulerConfig, RefusesBadOptionsInOneSentence) {
    const auto refuses = [](const char* name, const Json& changes, const std::string& message) {
        EXPECT_ERROR(make_scheduler(name, with(changes)), message);
    };
    refuses("ddim", {{"beta_schedule", "cubic"}},
            "one of linear, scaled_linear, squaredcos_cap_v2, got \"cubic\"");
    refuses("ddim", {{"prediction_type", "noise"}}, "one of epsilon, sample, v_prediction, got \"noise\"");
    refuses("ddim", {{"timestep_spacing", "odd"}}, "one of leading, linspace, trailing");
    refuses("ddim", {{"num_train_timesteps", 0}}, "num_train_timesteps from 1 to");
    refuses("ddim", {{"num_train_timesteps", 1LL << 40}}, "num_train_timesteps from 1 to");
    refuses("ddim", {{"num_train_timesteps", "many"}}, "an integer for \"num_train_timesteps\"");
    refuses("ddim", {{"beta_end", 1.5}}, "beta_end between 0 and 1");
    refuses("ddim", {{"trained_betas", {0.1, 0.2}}}, "wanted 1000 trained_betas");
    refuses("ddpm", {{"variance_type", "learned"}}, "variance_type to be one of");
    refuses("pndm", {{"prediction_type", "sample"}}, "PNDMScheduler");
    refuses("euler", {{"timestep_type", "continuous"}}, "timestep_type");
    refuses("euler", {{"use_beta_sigmas", true}}, "use_beta_sigmas");
    refuses("dpmpp_2m", {{"solver_order", 4}}, "solver_order from 1 to 3");
    refuses("dpmpp_2m_sde", {{"solver_order", 3}}, "solver_order 1 or 2");
    refuses("DPMSolverMultistepScheduler", {{"algorithm_type", "dpmsolver"}},
            "final_sigmas_type \"sigma_min\"");
    refuses("unipc", {{"solver_type", "bh1"}}, "final_sigmas_type \"sigma_min\"");
    const auto scheduler =
        make_scheduler("ddim", with({{"rescale_betas_zero_snr", true}, {"timestep_spacing", "trailing"}}));
    EXPECT_ERROR(scheduler->set_timesteps(10), "v_prediction or sample with rescale_betas_zero_snr");
}

TEST(SchedulerConfig, ReadsTheInfinitiesThatPythonWrites) {
    const auto json = parse_python_json(R"({"lambda_min_clipped": -Infinity, "a": [NaN, Infinity],
                                           "b": "NaN \"-Infinity\" \\"})",
                                        "x");
    EXPECT_TRUE(json.at("lambda_min_clipped").is_null());
    EXPECT_TRUE(json.at("a")[0].is_null() && json.at("a")[1].is_null());
    EXPECT_EQ(json.at("b"), "NaN \"-Infinity\" \\");
    EXPECT_ERROR(parse_python_json(R"({"a": -Infinit})", "file.json"), "[file.json] wanted valid JSON");
    const auto config = scheduler_config("DPMSolverMultistepScheduler", json);
    EXPECT_EQ(config.lambda_min_clipped, -std::numeric_limits<double>::infinity());
}

TEST(NoiseSchedule, EndsWithoutSignalWhenRescaled) {
    const NoiseSchedule schedule(scheduler_config("DDIMScheduler", with({{"rescale_betas_zero_snr", true}})));
    EXPECT_EQ(schedule.alpha_cumprod(999), 0);
    const auto x = seeded(1);
    const auto noise = seeded(2);
    EXPECT_CLOSE(schedule.add_noise(x, noise, torch::tensor({999, 999})), noise, exact);
    EXPECT_CLOSE(schedule.get_velocity(x, noise, torch::tensor({999, 999})), -x, exact);
    EXPECT_EQ(schedule.add_noise(x.to(torch::kBFloat16), noise, torch::tensor({1, 2})).scalar_type(),
              torch::kBFloat16);
}

}  // namespace
}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Every sampler against diffusers' own steps, and the noise schedule against its tables.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <torch/torch.h>

#include "core/error.h"
#include "core/json.h"
#include "schedulers/scheduler.h"
#include "support/expect_close.h"
#include "support/fixtures.h"

namespace hra {
namespace {

constexpr test::Tolerance exact{0};
// float32 tables whose last bits depend on the library's pow, log and cumprod.
constexpr double sigma_relative = 1e-5;
// diffusers computes coefficients in float32 and ours are float64: rounding, relative to the largest sample.
constexpr test::Tolerance step_tolerance{1e-5, 1e-5};
// diffusers integrates the LMS coefficients with an adaptive quadrature of relative error 1e-4; ours are
// exact.
constexpr test::Tolerance quadrature_tolerance{1e-5, 1e-3};
// Fractional timesteps of Karras sigmas are looked up in a float32 table of logarithms, whose neighbours lie
// 0.005 apart: its last bit (2e-7), which differs between builds of NumPy, moves them by 5e-5. All others,
// whole or fractional, are exact.
constexpr test::Tolerance logarithm_tolerance{1e-4};
// One rounding of a float32.
constexpr test::Tolerance float_rounding{1e-6, 1e-6};

Json read_cases() {
    const auto path = test::fixture("schedulers/cases.json");
    return read_json(path);
}

/// The tensors of one case by their names below it.
StateDict tensors_of(const StateDict& all, const std::string& name) {
    StateDict found;
    for (auto it = all.lower_bound(name + "/"); it != all.end() && it->first.starts_with(name + "/"); ++it)
        found[it->first.substr(name.size() + 1)] = it->second;
    return found;
}

StepOptions step_options(const Json& arguments) {
    StepOptions options;
    for (const auto& item : arguments.items()) {
        check(item.key() == "eta", "test", "wanted known step arguments, got ", item.key());
        options.eta = item.value().get<double>();
    }
    return options;
}

std::unique_ptr<Scheduler> scheduler_of(const Json& base, const Json& one) {
    Json config = base;
    config.update(one.at("overrides"));
    return make_scheduler(one.at("class").get<std::string>(), config);
}

void expect_tables(const Scheduler& scheduler, const StateDict& golden) {
    EXPECT_EQ(scheduler.timesteps().scalar_type(), golden.at("timesteps").scalar_type());
    const bool looked_up = scheduler.config().use_karras_sigmas && scheduler.timesteps().is_floating_point();
    EXPECT_CLOSE(scheduler.timesteps(), golden.at("timesteps"), looked_up ? logarithm_tolerance : exact);
    EXPECT_CLOSE(torch::tensor(scheduler.init_noise_sigma()), golden.at("init_noise_sigma"), float_rounding);
    const auto sigmas = golden.find("sigmas");
    ASSERT_EQ(scheduler.sigmas().empty(), sigmas == golden.end());
    if (scheduler.sigmas().empty()) return;
    const auto actual = torch::tensor(scheduler.sigmas());
    ASSERT_EQ(actual.sizes(), sigmas->second.sizes());
    EXPECT_TRUE(torch::allclose(actual, sigmas->second, sigma_relative, 0)) << actual << sigmas->second;
}

void expect_steps(Scheduler& scheduler, const StateDict& golden, const StepOptions& options,
                  test::Tolerance tolerance) {
    const auto& initial = golden.at("initial");
    const auto batch = initial.size(0);
    const auto at = [batch](const torch::Tensor& all, std::size_t i) {
        return all.narrow(0, static_cast<std::int64_t>(i) * batch, batch);
    };
    std::size_t draws = 0;
    const NoiseFunction given = [&](at::IntArrayRef, const torch::TensorOptions&) {
        return at(golden.at("noise"), draws++);
    };
    auto sample = initial * scheduler.init_noise_sigma();
    for (std::size_t i = 0; i < scheduler.calls(); ++i) {
        EXPECT_CLOSE(scheduler.scale_model_input(sample, i), at(golden.at("model_inputs"), i), tolerance)
            << i;
        const auto result = scheduler.step(at(golden.at("model_outputs"), i), i, sample, given, options);
        EXPECT_CLOSE(result.prev_sample, at(golden.at("step_outputs"), i), tolerance) << i;
        const auto original = golden.find("pred_original_sample");
        if (original != golden.end()) {
            EXPECT_CLOSE(result.pred_original_sample, at(original->second, i), tolerance) << i;
        }
        sample = result.prev_sample;
    }
}

TEST(Schedulers, StepAsDiffusersDo) {
    const auto all = test::golden("schedulers/golden.safetensors");
    const Json cases = read_cases();
    ASSERT_FALSE(cases.at("cases").empty());
    for (const Json& one : cases.at("cases")) {
        const auto name = one.at("case").get<std::string>();
        SCOPED_TRACE(name);
        const auto golden = tensors_of(all, name);
        const auto scheduler = scheduler_of(cases.at("base_config"), one);
        const bool quadrature = one.at("class") == "LMSDiscreteScheduler";
        // The second run shows that set_timesteps forgets the first.
        for (int run = 0; run < 2; ++run) {
            scheduler->set_timesteps(one.at("steps").get<std::int64_t>());
            expect_tables(*scheduler, golden);
            if (::testing::Test::HasFatalFailure()) return;
            expect_steps(*scheduler, golden, step_options(one.at("step_kwargs")),
                         quadrature ? quadrature_tolerance : step_tolerance);
        }
    }
}

TEST(Schedulers, TakeTheSameOptionsFromTheWholeConfig) {
    // What from_config made of base config and overrides must mean the same when it is read back.
    const Json cases = read_cases();
    for (const Json& one : cases.at("cases")) {
        SCOPED_TRACE(one.at("case").get<std::string>());
        const auto a = scheduler_of(cases.at("base_config"), one);
        const auto b = make_scheduler(one.at("class").get<std::string>(), one.at("effective_config"));
        const auto steps = one.at("steps").get<std::int64_t>();
        a->set_timesteps(steps);
        b->set_timesteps(steps);
        EXPECT_CLOSE(a->timesteps(), b->timesteps(), exact);
        EXPECT_EQ(a->sigmas(), b->sigmas());
        const auto x = torch::full({1, 4, 2, 2}, 0.5);
        const NoiseFunction noise = [](at::IntArrayRef shape, const torch::TensorOptions& o) {
            return torch::ones(shape, o);
        };
        const auto options = step_options(one.at("step_kwargs"));
        EXPECT_CLOSE(a->step(x, 0, x, noise, options).prev_sample,
                     b->step(x, 0, x, noise, options).prev_sample, exact);
    }
}

TEST(NoiseSchedule, NoisesTrainingSamplesAsDiffusers) {
    const auto golden = tensors_of(test::golden("schedulers/golden.safetensors"), "add_noise");
    const NoiseSchedule schedule(scheduler_config("DDPMScheduler", read_cases().at("base_config")));
    const auto& t = golden.at("timesteps");
    EXPECT_CLOSE(schedule.add_noise(golden.at("sample"), golden.at("noise"), t), golden.at("noisy"),
                 float_rounding);
    EXPECT_CLOSE(schedule.get_velocity(golden.at("sample"), golden.at("noise"), t), golden.at("velocity"),
                 float_rounding);
}

TEST(NoiseSchedule, HasDiffusersTables) {
    const auto golden = tensors_of(test::golden("schedulers/golden.safetensors"), "tables");
    const Json base = read_cases().at("base_config");
    for (const auto& [name, expected] : golden) {
        SCOPED_TRACE(name);
        const auto dot = name.find('.');
        // A suffix names another beta schedule, made with the class's own defaults.
        Json config = base;
        if (dot != std::string::npos)
            config = {{"beta_schedule", name.substr(dot + 1)}, {"num_train_timesteps", expected.numel()}};
        const NoiseSchedule schedule(scheduler_config("DDPMScheduler", config));
        EXPECT_CLOSE(name.substr(0, dot) == "betas" ? schedule.betas() : schedule.alphas_cumprod(), expected,
                     float_rounding);
    }
}

}  // namespace
}  // namespace hra

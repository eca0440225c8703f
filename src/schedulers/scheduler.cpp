// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "schedulers/scheduler.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <torch/torch.h>

#include "core/error.h"
#include "schedulers/names.h"
#include "schedulers/scheduler_classes.h"

namespace hra {
namespace {

constexpr std::int64_t max_steps = 100'000;  // beyond any use; bounds memory on a slip of the finger

torch::Tensor at_least_float(const torch::Tensor& x) {
    return x.scalar_type() == torch::kFloat64 ? x : x.to(torch::kFloat32);
}

using Factory = std::unique_ptr<Scheduler> (*)(SchedulerConfig);

const std::map<std::string, Factory>& factories() {
    static const std::map<std::string, Factory> map = {
        {"DDIMScheduler", detail::make_ddim},
        {"DDPMScheduler", detail::make_ddpm},
        {"PNDMScheduler", detail::make_pndm},
        {"EulerDiscreteScheduler", detail::make_euler},
        {"EulerAncestralDiscreteScheduler", detail::make_euler_ancestral},
        {"HeunDiscreteScheduler", detail::make_heun},
        {"LMSDiscreteScheduler", detail::make_lms},
        {"DPMSolverMultistepScheduler", detail::make_dpm_solver_multistep},
        {"UniPCMultistepScheduler", detail::make_unipc_multistep},
    };
    return map;
}

}  // namespace

Scheduler::Scheduler(SchedulerConfig config) : config_(std::move(config)), noise_schedule_(config_) {}

void Scheduler::set_timesteps(std::int64_t steps) {
    check(steps >= 1 && steps <= max_steps, "scheduler", "wanted from 1 to ", max_steps, " steps, got ",
          steps);
    // Whole timesteps would repeat, and the solvers would divide by steps of length zero.
    const bool continuous = config_.use_karras_sigmas || config_.use_lu_lambdas ||
                            (fractional_timesteps() && config_.timestep_spacing == TimestepSpacing::linspace);
    check(continuous || steps <= config_.num_train_timesteps, "scheduler", "wanted at most ",
          config_.num_train_timesteps, " steps (the model's num_train_timesteps), got ", steps);
    auto tables = make_tables(steps);
    steps_ = steps;
    timesteps_ = std::move(tables.timesteps);
    sigmas_ = std::move(tables.sigmas);
    const auto host = timesteps_.to(torch::kFloat64);
    host_timesteps_.assign(host.data_ptr<double>(), host.data_ptr<double>() + host.numel());
    next_call_.reset();
    reset_history();
}

torch::Tensor Scheduler::scale_model_input(const torch::Tensor& sample, std::size_t) const {
    return sample;
}

StepResult Scheduler::step(const torch::Tensor& model_output, std::size_t i, const torch::Tensor& sample,
                           const NoiseFunction& noise, const StepOptions& options) {
    check(i < calls(), "scheduler", "wanted a call from 0 to ", calls(), " (exclusive), got ", i,
          calls() == 0 ? " (set_timesteps comes first)" : "");
    check(model_output.sizes() == sample.sizes(), "scheduler", "wanted a model output of the sample's shape ",
          sample.sizes(), ", got ", model_output.sizes());
    check(!keeps_history() || !next_call_ || *next_call_ == i, "scheduler", "wanted call ",
          next_call_.value_or(i), " next, got call ", i, " (set_timesteps starts a new run)");
    check(options.eta >= 0 && options.eta <= 1, "scheduler", "wanted eta from 0 to 1, got ", options.eta);
    auto result = do_step({at_least_float(model_output), i, at_least_float(sample), noise, options});
    next_call_ = i + 1;
    result.prev_sample = result.prev_sample.to(sample.scalar_type());
    if (result.pred_original_sample.defined())
        result.pred_original_sample = result.pred_original_sample.to(sample.scalar_type());
    return result;
}

torch::Tensor Scheduler::StepInput::noise() const {
    check(static_cast<bool>(noise_function), "scheduler",
          "wanted a source of noise for a stochastic sampler, got none");
    return noise_function(sample.sizes(), sample.options());
}

torch::Tensor Scheduler::add_noise(const torch::Tensor& sample, const torch::Tensor& noise,
                                   std::size_t i) const {
    const auto [signal, sigma] = level(i);
    return (at_least_float(sample) * signal + at_least_float(noise) * sigma).to(sample.scalar_type());
}

Scheduler::Level Scheduler::level(std::size_t i) const {
    const double bar = noise_schedule_.alpha_cumprod(whole_timestep(i));
    return {std::sqrt(bar), std::sqrt(1 - bar)};
}

std::size_t Scheduler::start_index(double strength) const {
    check(strength >= 0 && strength <= 1, "scheduler", "wanted strength from 0 to 1, got ", strength);
    const auto kept = std::min(static_cast<std::int64_t>(static_cast<double>(steps_) * strength), steps_);
    return std::min(static_cast<std::size_t>(steps_ - kept) * order(), calls());
}

std::unique_ptr<Scheduler> make_scheduler(const std::string& name_or_class, const Json& config) {
    check(config.is_object(), "scheduler", "wanted a JSON object of options, got ", config.type_name());
    const auto sampler = find_sampler(
        name_or_class.empty() ? json_value<std::string>(config, "_class_name", "scheduler") : name_or_class);
    Json options = config;
    options.update(sampler.overrides);
    return factories().at(sampler.class_name)(scheduler_config(sampler.class_name, options));
}

}  // namespace hra

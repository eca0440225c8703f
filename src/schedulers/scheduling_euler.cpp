// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Euler and Euler ancestral (Karras et al., arXiv 2206.00364, algorithm 2; the ancestral step as in
// k-diffusion). diffusers: scheduling_euler_discrete.py, scheduling_euler_ancestral_discrete.py.
#include <algorithm>
#include <cmath>

#include <torch/torch.h>

#include "schedulers/scheduler_classes.h"
#include "schedulers/timestep_tables.h"

namespace hra::detail {
namespace {

class EulerDiscreteScheduler : public SigmaScheduler {
public:
    using SigmaScheduler::SigmaScheduler;

private:
    Tables make_tables(std::int64_t steps) const override;
    StepResult do_step(const StepInput& in) override;
};

Scheduler::Tables EulerDiscreteScheduler::make_tables(std::int64_t steps) const {
    const SigmaTable table(noise_schedule().alphas_cumprod());
    auto times = spaced_timesteps(config().timestep_spacing, config().num_train_timesteps, steps,
                                  config().steps_offset, /*round=*/false);
    std::vector<double> sigmas;
    for (double& t : times) sigmas.push_back(table.at(t = static_cast<float>(t)));
    if (config().interpolation_type == "log_linear") {
        // One more than there are timesteps, from the whole table: the last one is never used.
        sigmas = linspace(table.log_sigmas.back(), table.log_sigmas.front(), steps + 1);
        for (double& s : sigmas) s = std::exp(s);
    }
    if (config().use_karras_sigmas) {
        sigmas = karras_sigmas(config().sigma_max.value_or(sigmas.front()),
                               config().sigma_min.value_or(sigmas.back()), steps);
        times.clear();
        for (const double s : sigmas) times.push_back(table.timestep_of(s));
    }
    const double last = config().final_sigmas_type == "sigma_min" ? table.sigmas.front() : 0;
    return {timestep_tensor(times, torch::kFloat32), with_last(sigmas, last)};
}

StepResult EulerDiscreteScheduler::do_step(const StepInput& in) {
    const double from = sigma(in.i);
    const double to = sigma(in.i + 1);
    const auto original = predict_original(in.model_output, in.sample, from);
    const auto derivative = (in.sample - original) / from;
    return {in.sample + (to - from) * derivative, original};
}

class EulerAncestralDiscreteScheduler : public SigmaScheduler {
public:
    using SigmaScheduler::SigmaScheduler;

private:
    StepResult do_step(const StepInput& in) override;
};

StepResult EulerAncestralDiscreteScheduler::do_step(const StepInput& in) {
    const double from = sigma(in.i);
    const double to = sigma(in.i + 1);
    const double up = std::sqrt(to * to * (from * from - to * to) / (from * from));
    const double down = std::sqrt(to * to - up * up);
    const auto original = predict_original(in.model_output, in.sample, from);
    const auto derivative = (in.sample - original) / from;
    return {in.sample + (down - from) * derivative + up * in.noise(), original};
}

}  // namespace

std::unique_ptr<Scheduler> make_euler(SchedulerConfig config) {
    return std::make_unique<EulerDiscreteScheduler>(std::move(config));
}

std::unique_ptr<Scheduler> make_euler_ancestral(SchedulerConfig config) {
    config.use_karras_sigmas = false;  // this class does not know the option
    return std::make_unique<EulerAncestralDiscreteScheduler>(std::move(config));
}

}  // namespace hra::detail

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// DDPM (Ho et al., arXiv 2006.11239, equations 6 and 7), also for fewer steps than it was trained with.
#include <algorithm>
#include <cmath>

#include <torch/torch.h>

#include "schedulers/scheduler_classes.h"
#include "schedulers/timestep_tables.h"

namespace hra::detail {
namespace {

constexpr double min_variance = 1e-20;

class DDPMScheduler : public Scheduler {
public:
    using Scheduler::Scheduler;

private:
    Tables make_tables(std::int64_t steps) const override;
    StepResult do_step(const StepInput& in) override;
};

Scheduler::Tables DDPMScheduler::make_tables(std::int64_t steps) const {
    const auto times = spaced_timesteps(config().timestep_spacing, config().num_train_timesteps, steps,
                                        config().steps_offset, /*round=*/true);
    check_timesteps(config(), times);
    return {timestep_tensor(times, torch::kInt64), {}};
}

StepResult DDPMScheduler::do_step(const StepInput& in) {
    const auto& schedule = noise_schedule();
    const std::int64_t t = whole_timestep(in.i);
    const std::int64_t previous = t - config().num_train_timesteps / steps();
    const double bar = schedule.alpha_cumprod(t);
    const double previous_bar = previous >= 0 ? schedule.alpha_cumprod(previous) : 1;
    const double alpha = bar / previous_bar;  // of the step, which may skip timesteps
    const double beta = 1 - alpha;

    const auto original =
        limit_sample(config(), predict_original(config().prediction_type, in.model_output, in.sample,
                                                std::sqrt(bar), std::sqrt(1 - bar)));
    auto next = std::sqrt(previous_bar) * beta / (1 - bar) * original +
                std::sqrt(alpha) * (1 - previous_bar) / (1 - bar) * in.sample;
    if (t > 0) {
        const double posterior = std::max((1 - previous_bar) / (1 - bar) * beta, min_variance);
        const double variance = config().variance_type == "fixed_large" ? beta : posterior;
        next = next + std::sqrt(variance) * in.noise();
    }
    return {next, original};
}

}  // namespace

std::unique_ptr<Scheduler> make_ddpm(SchedulerConfig config) {
    return std::make_unique<DDPMScheduler>(std::move(config));
}

}  // namespace hra::detail

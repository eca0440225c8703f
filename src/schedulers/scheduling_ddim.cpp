// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// DDIM (Song et al., arXiv 2010.02502, equations 12 and 16).
#include <cmath>

#include <torch/torch.h>

#include "schedulers/scheduler_classes.h"
#include "schedulers/timestep_tables.h"

namespace hra::detail {
namespace {

class DDIMScheduler : public Scheduler {
public:
    using Scheduler::Scheduler;

private:
    Tables make_tables(std::int64_t steps) const override;
    StepResult do_step(const StepInput& in) override;
};

Scheduler::Tables DDIMScheduler::make_tables(std::int64_t steps) const {
    const auto times = spaced_timesteps(config().timestep_spacing, config().num_train_timesteps, steps,
                                        config().steps_offset, /*round=*/true);
    check_timesteps(config(), times);
    return {timestep_tensor(times, torch::kInt64), {}};
}

StepResult DDIMScheduler::do_step(const StepInput& in) {
    const auto& schedule = noise_schedule();
    const std::int64_t t = whole_timestep(in.i);
    const std::int64_t previous = t - config().num_train_timesteps / steps();
    const double bar = schedule.alpha_cumprod(t);
    const double last_bar = config().set_alpha_to_one ? 1 : schedule.alpha_cumprod(0);
    const double previous_bar = previous >= 0 ? schedule.alpha_cumprod(previous) : last_bar;
    const double signal = std::sqrt(bar);
    const double noise = std::sqrt(1 - bar);

    const auto type = config().prediction_type;
    const auto original =
        limit_sample(config(), predict_original(type, in.model_output, in.sample, signal, noise));
    // The noise stays the model's own when the clean sample was clipped.
    const auto epsilon = predict_noise(type, in.model_output, in.sample, signal, noise);
    const double variance = (1 - previous_bar) / (1 - bar) * (1 - bar / previous_bar);
    const double deviation = in.options.eta * std::sqrt(variance);
    const double direction = std::sqrt(1 - previous_bar - deviation * deviation);
    auto next = std::sqrt(previous_bar) * original + direction * epsilon;
    if (in.options.eta > 0) next = next + deviation * in.noise();
    return {next, original};
}

}  // namespace

std::unique_ptr<Scheduler> make_ddim(SchedulerConfig config) {
    return std::make_unique<DDIMScheduler>(std::move(config));
}

}  // namespace hra::detail

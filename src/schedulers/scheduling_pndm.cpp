// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// PNDM (Liu et al., arXiv 2202.09778): a linear multistep method, after a Runge-Kutta start unless skipped.
#include <cmath>

#include <torch/torch.h>

#include "core/error.h"
#include "schedulers/scheduler_classes.h"
#include "schedulers/timestep_tables.h"

namespace hra::detail {
namespace {

constexpr std::int64_t multistep_order = 4;

class PNDMScheduler : public Scheduler {
public:
    using Scheduler::Scheduler;

private:
    Tables make_tables(std::int64_t steps) const override;
    StepResult do_step(const StepInput& in) override;
    torch::Tensor runge_kutta_step(const StepInput& in);
    torch::Tensor multistep_step(const StepInput& in);
    torch::Tensor transfer(const torch::Tensor& sample, std::int64_t from, std::int64_t to,
                           const torch::Tensor& model_output) const;
    bool keeps_history() const override { return true; }
    void reset_history() override;

    std::int64_t stride() const { return config().num_train_timesteps / steps(); }
    std::size_t runge_kutta_calls() const { return config().skip_prk_steps ? 0 : 3 * multistep_order; }

    std::vector<torch::Tensor> outputs_;  // of the last calls, the newest last
    torch::Tensor accumulated_;           // weighted sum within a Runge-Kutta step
    torch::Tensor start_sample_;          // where a Runge-Kutta step, or the first step, began
    std::size_t counter_ = 0;
};

void PNDMScheduler::reset_history() {
    outputs_.clear();
    accumulated_.reset();
    start_sample_.reset();
    counter_ = 0;
}

Scheduler::Tables PNDMScheduler::make_tables(std::int64_t steps) const {
    auto times = spaced_timesteps(config().timestep_spacing, config().num_train_timesteps, steps,
                                  config().steps_offset, /*round=*/true);
    if (config().skip_prk_steps) {
        // The second timestep runs twice: the first step is corrected once its end is known.
        if (steps > 1) times.insert(times.begin() + 1, times[1]);
    } else {
        check(steps >= multistep_order, "scheduler", "wanted at least ", multistep_order,
              " steps for PNDM without skip_prk_steps, got ", steps);
        // Three steps of four calls each, at the start, twice in the middle, and at the end of the step.
        const auto half = static_cast<double>(config().num_train_timesteps / steps / 2);
        std::vector<double> calls;
        for (std::size_t k = 0; k + 1 < multistep_order; ++k)
            for (const double t : {times[k], times[k + 1] + half, times[k + 1] + half, times[k + 1]})
                calls.push_back(t);
        calls.insert(calls.end(), times.begin() + multistep_order - 1, times.end());
        times = std::move(calls);
    }
    check_timesteps(config(), times);
    return {timestep_tensor(times, torch::kInt64), {}};
}

StepResult PNDMScheduler::do_step(const StepInput& in) {
    check(config().skip_prk_steps || in.i == counter_, "scheduler",
          "wanted skip_prk_steps for a run that starts in the middle, got false");
    auto next = counter_ < runge_kutta_calls() ? runge_kutta_step(in) : multistep_step(in);
    ++counter_;
    return {next, {}};
}

torch::Tensor PNDMScheduler::runge_kutta_step(const StepInput& in) {
    const std::size_t phase = counter_ % 4;
    const std::int64_t from = whole_timestep(in.i - phase);
    const std::int64_t to = whole_timestep(in.i) - (counter_ % 2 == 1 ? 0 : stride() / 2);
    auto direction = in.model_output;
    if (phase == 0) {
        outputs_.push_back(in.model_output);
        start_sample_ = in.sample;
        accumulated_ = in.model_output / 6;
    } else if (phase < 3) {
        accumulated_ = accumulated_ + in.model_output / 3;
    } else {
        direction = accumulated_ + in.model_output / 6;
    }
    return transfer(start_sample_, from, to, direction);
}

torch::Tensor PNDMScheduler::multistep_step(const StepInput& in) {
    const std::int64_t from = whole_timestep(in.i);
    // The first step once more, along the mean of both ends. As in diffusers, also in a run that starts in
    // the middle, whose timesteps do not repeat: it then stays one level behind.
    if (counter_ == 1)
        return transfer(start_sample_, from + stride(), from, (in.model_output + outputs_.back()) / 2);
    if (counter_ == 0) start_sample_ = in.sample;
    if (outputs_.size() == multistep_order) outputs_.erase(outputs_.begin());
    outputs_.push_back(in.model_output);
    const auto newest = outputs_.rbegin();
    // Adams-Bashforth weights of the order that the history allows.
    auto direction = newest[0];
    if (outputs_.size() == 2) direction = (3 * newest[0] - newest[1]) / 2;
    if (outputs_.size() == 3) direction = (23 * newest[0] - 16 * newest[1] + 5 * newest[2]) / 12;
    if (outputs_.size() == 4)
        direction = (55 * newest[0] - 59 * newest[1] + 37 * newest[2] - 9 * newest[3]) / 24;
    return transfer(in.sample, from, from - stride(), direction);
}

/// Equation 9: from x at one timestep to x at another along a predicted noise.
torch::Tensor PNDMScheduler::transfer(const torch::Tensor& sample, std::int64_t from, std::int64_t to,
                                      const torch::Tensor& model_output) const {
    const auto& schedule = noise_schedule();
    const double bar = schedule.alpha_cumprod(from);
    const double last_bar = config().set_alpha_to_one ? 1 : schedule.alpha_cumprod(0);
    const double to_bar = to >= 0 ? schedule.alpha_cumprod(to) : last_bar;
    const auto epsilon =
        predict_noise(config().prediction_type, model_output, sample, std::sqrt(bar), std::sqrt(1 - bar));
    const double denominator = bar * std::sqrt(1 - to_bar) + std::sqrt(bar * (1 - bar) * to_bar);
    return std::sqrt(to_bar / bar) * sample - (to_bar - bar) / denominator * epsilon;
}

}  // namespace

std::unique_ptr<Scheduler> make_pndm(SchedulerConfig config) {
    return std::make_unique<PNDMScheduler>(std::move(config));
}

}  // namespace hra::detail

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Heun's method (Karras et al., arXiv 2206.00364, algorithm 1 without churn): each step but the last is an
// Euler step and a correction. diffusers: scheduling_heun_discrete.py.
#include <torch/torch.h>

#include "schedulers/scheduler_classes.h"

namespace hra::detail {
namespace {

class HeunDiscreteScheduler : public SigmaScheduler {
public:
    using SigmaScheduler::SigmaScheduler;

private:
    Tables make_tables(std::int64_t steps) const override;
    StepResult do_step(const StepInput& in) override;
    StepResult correct(const StepInput& in);
    torch::Tensor predict(const StepInput& in, double at) const;
    bool keeps_history() const override { return true; }
    void reset_history() override;
    std::size_t order() const override { return 2; }

    torch::Tensor derivative_;  // at the start of the step, between its two calls
    torch::Tensor start_;
};

void HeunDiscreteScheduler::reset_history() {
    derivative_.reset();
    start_.reset();
}

Scheduler::Tables HeunDiscreteScheduler::make_tables(std::int64_t steps) const {
    const auto single = SigmaScheduler::make_tables(steps);
    const auto& t = single.timesteps;
    Tables tables;
    tables.timesteps = torch::cat({t.slice(0, 0, 1), t.slice(0, 1).repeat_interleave(2)});
    tables.sigmas.push_back(single.sigmas.front());
    for (std::size_t i = 1; i + 1 < single.sigmas.size(); ++i)
        tables.sigmas.insert(tables.sigmas.end(), 2, single.sigmas[i]);
    tables.sigmas.push_back(single.sigmas.back());
    return tables;
}

torch::Tensor HeunDiscreteScheduler::predict(const StepInput& in, double at) const {
    const auto original = predict_original(in.model_output, in.sample, at);
    const double range = config().clip_sample_range;
    return config().clip_sample ? original.clamp(-range, range) : original;
}

StepResult HeunDiscreteScheduler::do_step(const StepInput& in) {
    if (derivative_.defined()) return correct(in);
    const double from = sigma(in.i);
    const auto original = predict(in, from);
    derivative_ = (in.sample - original) / from;
    start_ = in.sample;
    return {start_ + (sigma(in.i + 1) - from) * derivative_, original};
}

/// The second call of a step, at its end: the same step along the mean of both derivatives.
StepResult HeunDiscreteScheduler::correct(const StepInput& in) {
    const double to = sigma(in.i);
    const auto original = predict(in, to);
    const auto mean = (derivative_ + (in.sample - original) / to) / 2;
    const auto next = start_ + (to - sigma(in.i - 1)) * mean;
    reset_history();
    return {next, original};
}

}  // namespace

std::unique_ptr<Scheduler> make_heun(SchedulerConfig config) {
    return std::make_unique<HeunDiscreteScheduler>(std::move(config));
}

}  // namespace hra::detail

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Linear multistep method of k-diffusion: the Lagrange polynomial through the last derivatives, integrated
// over the step. diffusers: scheduling_lms_discrete.py.
#include <cmath>

#include <torch/torch.h>

#include "schedulers/scheduler_classes.h"

namespace hra::detail {
namespace {

constexpr std::size_t max_order = 4;

class LMSDiscreteScheduler : public SigmaScheduler {
public:
    using SigmaScheduler::SigmaScheduler;

private:
    StepResult do_step(const StepInput& in) override;
    double coefficient(std::size_t order, std::size_t i, std::size_t which) const;
    bool keeps_history() const override { return true; }
    void reset_history() override { derivatives_.clear(); }

    std::vector<torch::Tensor> derivatives_;  // the newest last
};

/// The integral from sigma(i) to sigma(i + 1) of the basis polynomial that is 1 at sigma(i - which) and 0 at
/// the other of the last `order` levels. Gauss's two points are exact for its degree of at most 3; diffusers
/// integrates by adaptive quadrature.
double LMSDiscreteScheduler::coefficient(std::size_t order, std::size_t i, std::size_t which) const {
    static_assert(max_order <= 4);
    const auto basis = [&](double x) {
        double product = 1;
        for (std::size_t k = 0; k < order; ++k)
            if (k != which) product *= (x - sigma(i - k)) / (sigma(i - which) - sigma(i - k));
        return product;
    };
    const double middle = (sigma(i) + sigma(i + 1)) / 2;
    const double half = (sigma(i + 1) - sigma(i)) / 2;
    return half * (basis(middle - half / std::sqrt(3.0)) + basis(middle + half / std::sqrt(3.0)));
}

StepResult LMSDiscreteScheduler::do_step(const StepInput& in) {
    const auto original = predict_original(in.model_output, in.sample, sigma(in.i));
    if (derivatives_.size() == max_order) derivatives_.erase(derivatives_.begin());
    derivatives_.push_back((in.sample - original) / sigma(in.i));
    // A run that starts in the middle has fewer derivatives than levels behind it.
    const std::size_t order = derivatives_.size();
    auto next = in.sample;
    for (std::size_t k = 0; k < order; ++k)
        next = next + coefficient(order, in.i, k) * derivatives_[order - 1 - k];
    return {next, original};
}

}  // namespace

std::unique_ptr<Scheduler> make_lms(SchedulerConfig config) {
    return std::make_unique<LMSDiscreteScheduler>(std::move(config));
}

}  // namespace hra::detail

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// DPM-Solver and DPM-Solver++ of orders 1 to 3 and their SDE forms, multistep (Lu et al., arXiv 2206.00927
// and 2211.01095). diffusers: scheduling_dpmsolver_multistep.py.
#include <algorithm>
#include <cmath>

#include <torch/torch.h>

#include "core/error.h"
#include "schedulers/scheduler_classes.h"
#include "schedulers/timestep_tables.h"

namespace hra::detail {
namespace {

// Runs this short take lower orders in their last steps (diffusers' rule for stability).
constexpr std::size_t short_run = 15;

/// The next sample as a combination: sample x + d0 D0 + d1 D1 + d2 D2 + noise z, where D0 is the newest
/// prediction and D1, D2 are its divided differences.
struct Coefficients {
    double sample = 0, d0 = 0, d1 = 0, d2 = 0, noise = 0;
};

class DPMSolverMultistepScheduler : public Scheduler {
public:
    using Scheduler::Scheduler;

private:
    Tables make_tables(std::int64_t steps) const override;
    StepResult do_step(const StepInput& in) override;
    Level level(std::size_t i) const override;
    bool keeps_history() const override { return true; }
    void reset_history() override { predictions_.clear(); }

    bool predicts_data() const { return config().algorithm_type.ends_with("++"); }
    bool stochastic() const { return config().algorithm_type.starts_with("sde"); }
    torch::Tensor convert(const StepInput& in) const;
    std::size_t order_at(std::size_t i) const;
    Coefficients coefficients(std::size_t i, std::size_t order) const;
    torch::Tensor differences(std::size_t i, std::size_t order, const Coefficients& c) const;

    std::vector<torch::Tensor> predictions_;  // of x_0 (++) or the noise, the newest last
};

std::int64_t last_timestep(const SchedulerConfig& config, const torch::Tensor& alphas_cumprod) {
    const auto lambda = alphas_cumprod.sqrt().log() - (1 - alphas_cumprod).sqrt().log();
    // Steps whose signal drowns are left out; by default none.
    const auto clipped = (lambda < config.lambda_min_clipped).sum().item<std::int64_t>();
    check(clipped < config.num_train_timesteps, "scheduler",
          "wanted lambda_min_clipped below the schedule's ", lambda.max().item<double>(), ", got ",
          config.lambda_min_clipped);
    return config.num_train_timesteps - clipped;
}

Scheduler::Tables DPMSolverMultistepScheduler::make_tables(std::int64_t steps) const {
    const SigmaTable table(noise_schedule().alphas_cumprod());
    auto times = spaced_solver_timesteps(config().timestep_spacing, config().num_train_timesteps,
                                         last_timestep(config(), noise_schedule().alphas_cumprod()), steps,
                                         config().steps_offset);
    std::vector<double> sigmas;
    if (config().use_karras_sigmas) {
        sigmas = karras_sigmas(table.sigmas.back(), table.sigmas.front(), steps);
    } else if (config().use_lu_lambdas) {
        sigmas = linspace(table.log_sigmas.back(), table.log_sigmas.front(), steps);
        for (double& s : sigmas) s = std::exp(s);
    } else {
        for (const double t : times) sigmas.push_back(table.at(t));
    }
    if (config().use_karras_sigmas || config().use_lu_lambdas) {
        times.clear();
        for (const double s : sigmas) times.push_back(std::nearbyint(table.timestep_of(s)));
    }
    const double last = config().final_sigmas_type == "sigma_min" ? table.sigmas.front() : 0;
    return {timestep_tensor(times, torch::kInt64), with_last(sigmas, last)};
}

Scheduler::Level DPMSolverMultistepScheduler::level(std::size_t i) const {
    const VariancePreserving at(sigma(i));
    return {at.alpha, at.sigma};
}

torch::Tensor DPMSolverMultistepScheduler::convert(const StepInput& in) const {
    const VariancePreserving at(sigma(in.i));
    const auto type = config().prediction_type;
    if (predicts_data()) {
        const auto original = predict_original(type, in.model_output, in.sample, at.alpha, at.sigma);
        return config().thresholding ? threshold_sample(config(), original) : original;
    }
    const auto epsilon = predict_noise(type, in.model_output, in.sample, at.alpha, at.sigma);
    if (!config().thresholding) return epsilon;
    const auto original = threshold_sample(
        config(), predict_original(PredictionType::epsilon, epsilon, in.sample, at.alpha, at.sigma));
    return (in.sample - at.alpha * original) / at.sigma;
}

std::size_t DPMSolverMultistepScheduler::order_at(std::size_t i) const {
    const std::size_t left = calls() - i;
    const bool lower = config().lower_order_final && calls() < short_run;
    const bool first_at_end = config().euler_at_final || lower || config().final_sigmas_type == "zero";
    std::size_t order = std::min(static_cast<std::size_t>(config().solver_order), predictions_.size());
    if (left == 1 && first_at_end) return 1;
    if (left == 2 && lower) order = std::min<std::size_t>(order, 2);
    return order;
}

Coefficients DPMSolverMultistepScheduler::coefficients(std::size_t i, std::size_t order) const {
    const VariancePreserving from(sigma(i));
    const VariancePreserving to(sigma(i + 1));
    const double h = to.lambda - from.lambda;
    const bool midpoint = order == 2 && config().solver_type == "midpoint";
    Coefficients c;
    if (predicts_data() && stochastic()) {
        const double e = -std::expm1(-2 * h);
        c.sample = to.sigma / from.sigma * std::exp(-h);
        c.d0 = to.alpha * e;
        c.d1 = midpoint ? 0.5 * to.alpha * e : to.alpha * (1 - e / (2 * h));
        c.noise = to.sigma * std::sqrt(e);
    } else if (predicts_data()) {
        const double e = std::expm1(-h);
        c.sample = to.sigma / from.sigma;
        c.d0 = -to.alpha * e;
        c.d1 = midpoint ? -0.5 * to.alpha * e : to.alpha * (e / h + 1);
        c.d2 = -to.alpha * ((e + h) / (h * h) - 0.5);
    } else {
        const double e = std::expm1(h);
        const double scale = stochastic() ? 2 : 1;  // the SDE follows the noise twice as fast
        c.sample = to.alpha / from.alpha;
        c.d0 = -scale * to.sigma * e;
        c.d1 = -scale * to.sigma * (midpoint ? 0.5 * e : e / h - 1);
        c.d2 = -to.sigma * ((e - h) / (h * h) - 0.5);
        c.noise = stochastic() ? to.sigma * std::sqrt(std::expm1(2 * h)) : 0;
    }
    return c;
}

/// d0 D0 + d1 D1 + d2 D2 of the predictions that the order reaches.
torch::Tensor DPMSolverMultistepScheduler::differences(std::size_t i, std::size_t order,
                                                       const Coefficients& c) const {
    const auto newest = predictions_.rbegin();
    if (order == 1) return c.d0 * newest[0];
    const auto lambda = [this](std::size_t k) { return VariancePreserving(sigma(k)).lambda; };
    const double h = lambda(i + 1) - lambda(i);
    const double r0 = (lambda(i) - lambda(i - 1)) / h;
    const auto first = (newest[0] - newest[1]) / r0;
    if (order == 2) return c.d0 * newest[0] + c.d1 * first;
    const double r1 = (lambda(i - 1) - lambda(i - 2)) / h;
    const auto change = first - (newest[1] - newest[2]) / r1;
    const auto d1 = first + r0 / (r0 + r1) * change;
    const auto d2 = change / (r0 + r1);
    return c.d0 * newest[0] + c.d1 * d1 + c.d2 * d2;
}

StepResult DPMSolverMultistepScheduler::do_step(const StepInput& in) {
    if (std::ssize(predictions_) == config().solver_order) predictions_.erase(predictions_.begin());
    predictions_.push_back(convert(in));
    const std::size_t order = order_at(in.i);
    const auto c = coefficients(in.i, order);
    auto next = c.sample * in.sample + differences(in.i, order, c);
    if (stochastic()) next = next + c.noise * in.noise();
    return {next, predicts_data() ? predictions_.back() : torch::Tensor()};
}

}  // namespace

std::unique_ptr<Scheduler> make_dpm_solver_multistep(SchedulerConfig config) {
    return std::make_unique<DPMSolverMultistepScheduler>(std::move(config));
}

}  // namespace hra::detail

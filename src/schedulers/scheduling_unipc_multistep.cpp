// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// UniPC, a predictor and a corrector of orders 1 to 3 with B(h) of both kinds (Zhao et al., arXiv
// 2302.04867). diffusers: scheduling_unipc_multistep.py.
#include <algorithm>
#include <cmath>
#include <utility>

#include <torch/torch.h>

#include "schedulers/scheduler_classes.h"
#include "schedulers/timestep_tables.h"

namespace hra::detail {
namespace {

using Matrix = std::vector<std::vector<double>>;

/// Solves a small dense system by elimination with row exchange.
std::vector<double> solve(Matrix a, std::vector<double> b) {
    const std::size_t n = b.size();
    for (std::size_t column = 0; column < n; ++column) {
        std::size_t pivot = column;
        for (std::size_t row = column; row < n; ++row)
            if (std::abs(a[row][column]) > std::abs(a[pivot][column])) pivot = row;
        std::swap(a[column], a[pivot]);
        std::swap(b[column], b[pivot]);
        for (std::size_t row = column + 1; row < n; ++row) {
            const double factor = a[row][column] / a[column][column];
            for (std::size_t k = column; k < n; ++k) a[row][k] -= factor * a[column][k];
            b[row] -= factor * b[column];
        }
    }
    for (std::size_t row = n; row-- > 0;) {
        for (std::size_t k = row + 1; k < n; ++k) b[row] -= a[row][k] * b[k];
        b[row] /= a[row][row];
    }
    return b;
}

class UniPCMultistepScheduler : public Scheduler {
public:
    using Scheduler::Scheduler;

private:
    /// What predictor and corrector share for a step between two levels: x' = sample x + newest m0 +
    /// difference sum(weight_k (m_k - m0)), with m_k the predictions k steps before m0.
    struct Update {
        double sample, newest, difference;
        std::vector<double> rk;  // where the older predictions lie, in steps
        std::vector<double> b;   // right-hand side of the order conditions
    };

    Tables make_tables(std::int64_t steps) const override;
    StepResult do_step(const StepInput& in) override;
    Level level(std::size_t i) const override;
    bool keeps_history() const override { return true; }
    void reset_history() override;

    torch::Tensor convert(const StepInput& in) const;
    Update update(std::size_t from, std::size_t order) const;
    torch::Tensor predict(const torch::Tensor& sample, std::size_t i) const;
    torch::Tensor correct(const torch::Tensor& converted, std::size_t i) const;
    bool corrects(std::size_t i) const;

    std::vector<torch::Tensor> predictions_;  // of x_0 or the noise, the newest last
    torch::Tensor last_sample_;
    std::size_t order_ = 1;  // of the last predictor step
};

void UniPCMultistepScheduler::reset_history() {
    predictions_.clear();
    last_sample_.reset();
    order_ = 1;
}

Scheduler::Tables UniPCMultistepScheduler::make_tables(std::int64_t steps) const {
    const SigmaTable table(noise_schedule().alphas_cumprod());
    auto times = spaced_solver_timesteps(config().timestep_spacing, config().num_train_timesteps,
                                         config().num_train_timesteps, steps, config().steps_offset);
    std::vector<double> sigmas;
    if (config().use_karras_sigmas) {
        sigmas = karras_sigmas(table.sigmas.back(), table.sigmas.front(), steps);
        times.clear();
        for (const double s : sigmas) times.push_back(std::nearbyint(table.timestep_of(s)));
    } else {
        for (const double t : times) sigmas.push_back(table.at(t));
    }
    const double smallest = config().use_karras_sigmas ? sigmas.back() : table.sigmas.front();
    const double last = config().final_sigmas_type == "sigma_min" ? smallest : 0;
    return {timestep_tensor(times, torch::kInt64), with_last(sigmas, last)};
}

Scheduler::Level UniPCMultistepScheduler::level(std::size_t i) const {
    const VariancePreserving at(sigma(i));
    return {at.alpha, at.sigma};
}

torch::Tensor UniPCMultistepScheduler::convert(const StepInput& in) const {
    const VariancePreserving at(sigma(in.i));
    const auto type = config().prediction_type;
    if (!config().predict_x0) return predict_noise(type, in.model_output, in.sample, at.alpha, at.sigma);
    const auto original = predict_original(type, in.model_output, in.sample, at.alpha, at.sigma);
    return config().thresholding ? threshold_sample(config(), original) : original;
}

UniPCMultistepScheduler::Update UniPCMultistepScheduler::update(std::size_t from, std::size_t order) const {
    const VariancePreserving start(sigma(from));
    const VariancePreserving end(sigma(from + 1));
    const double h = end.lambda - start.lambda;
    const bool data = config().predict_x0;
    const double hh = data ? -h : h;
    const double scale = data ? end.alpha : end.sigma;
    const double phi_1 = std::expm1(hh);
    const double b_h = config().solver_type == "bh1" ? hh : phi_1;

    Update u;
    u.sample = data ? end.sigma / start.sigma : end.alpha / start.alpha;
    u.newest = -scale * phi_1;
    u.difference = -scale * b_h;
    for (std::size_t k = 1; k < order; ++k)
        u.rk.push_back((VariancePreserving(sigma(from - k)).lambda - start.lambda) / h);
    double phi = phi_1 / hh - 1;
    double factorial = 1;
    for (std::size_t k = 1; k <= order; ++k) {
        u.b.push_back(phi * factorial / b_h);
        factorial *= static_cast<double>(k + 1);
        phi = phi / hh - 1 / factorial;
    }
    return u;
}

/// Rows r_k^0, r_k^1, ... of the order conditions for the given nodes.
Matrix order_conditions(const std::vector<double>& nodes) {
    Matrix rows;
    for (std::size_t power = 0; power < nodes.size(); ++power) {
        rows.emplace_back();
        for (const double node : nodes) rows.back().push_back(std::pow(node, static_cast<double>(power)));
    }
    return rows;
}

/// From call i's sample to the next level.
torch::Tensor UniPCMultistepScheduler::predict(const torch::Tensor& sample, std::size_t i) const {
    const auto u = update(i, order_);
    const auto newest = predictions_.rbegin();
    // Order 2 has the closed form 1/2 for its one weight.
    std::vector<double> weights = {0.5};
    if (order_ > 2) weights = solve(order_conditions(u.rk), {u.b.begin(), u.b.end() - 1});
    auto next = u.sample * sample + u.newest * newest[0];
    for (std::size_t k = 1; k < order_; ++k)
        next = next + u.difference * weights[k - 1] / u.rk[k - 1] *
                          (newest[static_cast<std::ptrdiff_t>(k)] - newest[0]);
    return next;
}

/// The sample of call i again, now that the model has been asked there.
torch::Tensor UniPCMultistepScheduler::correct(const torch::Tensor& converted, std::size_t i) const {
    const auto u = update(i - 1, order_);
    const auto newest = predictions_.rbegin();
    auto nodes = u.rk;
    nodes.push_back(1);
    std::vector<double> weights = {0.5};
    if (order_ > 1) weights = solve(order_conditions(nodes), u.b);
    auto sample = u.sample * last_sample_ + u.newest * newest[0];
    for (std::size_t k = 1; k < order_; ++k)
        sample = sample + u.difference * weights[k - 1] / u.rk[k - 1] *
                              (newest[static_cast<std::ptrdiff_t>(k)] - newest[0]);
    return sample + u.difference * weights.back() * (converted - newest[0]);
}

bool UniPCMultistepScheduler::corrects(std::size_t i) const {
    const auto& off = config().disable_corrector;
    return last_sample_.defined() &&
           std::find(off.begin(), off.end(), static_cast<std::int64_t>(i) - 1) == off.end();
}

StepResult UniPCMultistepScheduler::do_step(const StepInput& in) {
    const auto converted = convert(in);
    const auto sample = corrects(in.i) ? correct(converted, in.i) : in.sample;
    if (std::ssize(predictions_) == config().solver_order) predictions_.erase(predictions_.begin());
    predictions_.push_back(converted);

    order_ = std::min(static_cast<std::size_t>(config().solver_order), predictions_.size());
    if (config().lower_order_final) order_ = std::min(order_, calls() - in.i);
    last_sample_ = sample;
    return {predict(sample, in.i), config().predict_x0 ? converted : torch::Tensor()};
}

}  // namespace

std::unique_ptr<Scheduler> make_unipc_multistep(SchedulerConfig config) {
    return std::make_unique<UniPCMultistepScheduler>(std::move(config));
}

}  // namespace hra::detail

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "schedulers/timestep_tables.h"

#include <algorithm>
#include <cmath>

#include <torch/torch.h>

#include "core/error.h"

namespace hra {
namespace {

/// numpy.arange(first, 0, -step), whose length is computed before its values.
std::vector<double> descending(double first, double step) {
    const auto count = static_cast<std::int64_t>(std::ceil(first / step));
    std::vector<double> values;
    for (std::int64_t i = 0; i < count; ++i) values.push_back(first - static_cast<double>(i) * step);
    return values;
}

std::vector<double> trailing(double last, double step) {
    auto values = descending(last, step);
    for (double& v : values) v = std::nearbyint(v) - 1;
    return values;
}

/// count - 1, ..., 1, 0 times ratio, plus offset.
std::vector<double> leading(std::int64_t count, std::int64_t ratio, std::int64_t offset) {
    std::vector<double> values;
    for (std::int64_t i = count; i-- > 0;) values.push_back(static_cast<double>(i * ratio + offset));
    return values;
}

}  // namespace

std::vector<double> linspace(double first, double last, std::int64_t count) {
    std::vector<double> values;
    const double step = count > 1 ? (last - first) / static_cast<double>(count - 1) : 0;
    for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<double>(i) * step + first);
    if (count > 1) values.back() = last;
    return values;
}

std::vector<double> spaced_timesteps(TimestepSpacing spacing, std::int64_t train_steps, std::int64_t steps,
                                     std::int64_t offset, bool round) {
    const auto n = static_cast<double>(train_steps);
    if (spacing == TimestepSpacing::leading) return leading(steps, train_steps / steps, offset);
    if (spacing == TimestepSpacing::trailing) return trailing(n, n / static_cast<double>(steps));
    auto values = linspace(0, n - 1, steps);
    for (double& v : values)
        if (round) v = std::nearbyint(v);
    std::reverse(values.begin(), values.end());
    return values;
}

std::vector<double> spaced_solver_timesteps(TimestepSpacing spacing, std::int64_t train_steps,
                                            std::int64_t last_timestep, std::int64_t steps,
                                            std::int64_t offset) {
    const auto last = static_cast<double>(last_timestep);
    if (spacing == TimestepSpacing::trailing)
        return trailing(last, static_cast<double>(train_steps) / static_cast<double>(steps));
    auto values = spacing == TimestepSpacing::leading
                      ? leading(steps + 1, last_timestep / (steps + 1), offset)
                      : spaced_timesteps(TimestepSpacing::linspace, last_timestep, steps + 1, 0, true);
    values.pop_back();
    return values;
}

void check_timesteps(const SchedulerConfig& config, const std::vector<double>& timesteps) {
    const double last = static_cast<double>(config.num_train_timesteps - 1);
    const double largest = *std::max_element(timesteps.begin(), timesteps.end());
    check(largest <= last, "scheduler", "wanted timesteps up to ", last, ", got ", largest,
          " (fewer steps or a smaller steps_offset would fit)");
    check(
        largest < last || !config.rescale_betas_zero_snr || config.prediction_type != PredictionType::epsilon,
        "scheduler",
        "wanted prediction_type v_prediction or sample with rescale_betas_zero_snr, got epsilon");
}

SigmaTable::SigmaTable(const torch::Tensor& alphas_cumprod) {
    // A schedule rescaled to zero terminal SNR ends in an infinite sigma; diffusers puts this level there.
    const auto bar =
        torch::where(alphas_cumprod == 0, torch::full_like(alphas_cumprod, 0x1p-24), alphas_cumprod);
    const auto table = ((1 - bar) / bar).pow(0.5).cpu();
    const float* data = table.data_ptr<float>();
    sigmas.assign(data, data + table.numel());
    for (const float sigma : sigmas)
        log_sigmas.push_back(static_cast<float>(std::log(static_cast<double>(sigma))));
}

double SigmaTable::at(double timestep) const {
    const double last = static_cast<double>(sigmas.size() - 1);
    if (timestep <= 0) return sigmas.front();
    if (timestep >= last) return sigmas.back();
    const double low = std::floor(timestep);
    const auto i = static_cast<std::size_t>(low);
    const double slope = static_cast<double>(sigmas[i + 1]) - static_cast<double>(sigmas[i]);
    return slope * (timestep - low) + static_cast<double>(sigmas[i]);
}

double SigmaTable::timestep_of(double sigma) const {
    const double log_sigma = std::log(std::max(sigma, 1e-10));
    const auto above = std::upper_bound(log_sigmas.begin(), log_sigmas.end(), log_sigma);
    const auto count = above - log_sigmas.begin();
    const auto last = std::ssize(log_sigmas) - 2;
    const auto low =
        static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(count - 1, 0, std::max<std::ptrdiff_t>(last, 0)));
    if (low + 1 >= log_sigmas.size()) return 0;
    const auto width = static_cast<double>(log_sigmas[low] - log_sigmas[low + 1]);
    const double w = std::clamp((static_cast<double>(log_sigmas[low]) - log_sigma) / width, 0.0, 1.0);
    return (1 - w) * static_cast<double>(low) + w * static_cast<double>(low + 1);
}

std::vector<double> karras_sigmas(double sigma_max, double sigma_min, std::int64_t steps) {
    constexpr double rho = 7;
    const double low = std::pow(sigma_min, 1 / rho);
    const double high = std::pow(sigma_max, 1 / rho);
    auto values = linspace(0, 1, steps);
    for (double& v : values) v = std::pow(high + v * (low - high), rho);
    return values;
}

torch::Tensor timestep_tensor(const std::vector<double>& values, torch::Dtype dtype) {
    return torch::tensor(values, torch::kFloat64).to(dtype);
}

std::vector<float> with_last(const std::vector<double>& sigmas, double last) {
    std::vector<float> values;
    for (const double sigma : sigmas) values.push_back(static_cast<float>(sigma));
    values.push_back(static_cast<float>(last));
    return values;
}

}  // namespace hra

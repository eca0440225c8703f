// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "schedulers/noise_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <torch/torch.h>

namespace hra {
namespace {

constexpr double max_cosine_beta = 0.999;  // keeps the last steps of the cosine schedule finite

/// abar(t) = cos^2 of Nichol & Dhariwal (arXiv 2102.09672), as betas.
torch::Tensor cosine_betas(std::int64_t count) {
    const auto alpha_bar = [](double t) {
        const double c = std::cos((t + 0.008) / 1.008 * std::numbers::pi / 2);
        return c * c;
    };
    std::vector<double> betas;
    const auto n = static_cast<double>(count);
    for (std::int64_t i = 0; i < count; ++i) {
        const auto t = static_cast<double>(i);
        betas.push_back(std::min(1 - alpha_bar((t + 1) / n) / alpha_bar(t / n), max_cosine_beta));
    }
    return torch::tensor(betas, torch::kFloat64).to(torch::kFloat32);
}

torch::Tensor make_betas(const SchedulerConfig& c) {
    if (!c.trained_betas.empty()) return torch::tensor(c.trained_betas, torch::kFloat64).to(torch::kFloat32);
    if (c.beta_schedule == "squaredcos_cap_v2") return cosine_betas(c.num_train_timesteps);
    if (c.beta_schedule == "linear")
        return torch::linspace(c.beta_start, c.beta_end, c.num_train_timesteps, torch::kFloat32);
    return torch::linspace(std::sqrt(c.beta_start), std::sqrt(c.beta_end), c.num_train_timesteps,
                           torch::kFloat32)
        .pow(2);
}

/// Shifts and scales sqrt(abar) so that it ends at exactly 0 (arXiv 2305.08891, algorithm 1).
torch::Tensor rescale_zero_terminal_snr(const torch::Tensor& betas) {
    const auto root = (1 - betas).cumprod(0).sqrt();
    const auto first = root[0].clone();
    const auto last = root[-1].clone();
    const auto rescaled = (root - last) * (first / (first - last));
    const auto bar = rescaled.pow(2);
    const auto alphas = torch::cat({bar.slice(0, 0, 1), bar.slice(0, 1) / bar.slice(0, 0, -1)});
    return 1 - alphas;
}

/// a_t x + b_t y with one a_t = sqrt(abar_t) and b_t = sign sqrt(1 - abar_t) for each image.
torch::Tensor blend(const torch::Tensor& alphas_cumprod, const torch::Tensor& timesteps,
                    const torch::Tensor& x, const torch::Tensor& y, double sign) {
    std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
    shape[0] = -1;
    const auto bar = alphas_cumprod.to(x.device()).index_select(0, timesteps.to(x.device())).view(shape);
    return bar.sqrt() * x + sign * (1 - bar).sqrt() * y;
}

}  // namespace

NoiseSchedule::NoiseSchedule(const SchedulerConfig& config) : betas_(make_betas(config)) {
    if (config.rescale_betas_zero_snr) betas_ = rescale_zero_terminal_snr(betas_);
    alphas_cumprod_ = (1 - betas_).cumprod(0);
    const float* data = alphas_cumprod_.data_ptr<float>();
    host_alphas_cumprod_.assign(data, data + alphas_cumprod_.numel());
}

void NoiseSchedule::to(torch::Device device) {
    betas_ = betas_.to(device);
    alphas_cumprod_ = alphas_cumprod_.to(device);
}

torch::Tensor NoiseSchedule::add_noise(const torch::Tensor& sample, const torch::Tensor& noise,
                                       const torch::Tensor& timesteps) const {
    return blend(alphas_cumprod_, timesteps, sample, noise, 1).to(sample.scalar_type());
}

torch::Tensor NoiseSchedule::get_velocity(const torch::Tensor& sample, const torch::Tensor& noise,
                                          const torch::Tensor& timesteps) const {
    return blend(alphas_cumprod_, timesteps, noise, sample, -1).to(sample.scalar_type());
}

}  // namespace hra

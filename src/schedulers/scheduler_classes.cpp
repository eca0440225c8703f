// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "schedulers/scheduler_classes.h"

#include <algorithm>
#include <cmath>

#include <torch/torch.h>

#include "schedulers/timestep_tables.h"

namespace hra::detail {

torch::Tensor predict_original(PredictionType type, const torch::Tensor& model_output,
                               const torch::Tensor& sample, double signal, double noise) {
    switch (type) {
        case PredictionType::sample:
            return model_output;
        case PredictionType::v_prediction:
            return signal * sample - noise * model_output;
        case PredictionType::epsilon:
            break;
    }
    return (sample - noise * model_output) / signal;
}

torch::Tensor predict_noise(PredictionType type, const torch::Tensor& model_output,
                            const torch::Tensor& sample, double signal, double noise) {
    switch (type) {
        case PredictionType::sample:
            return (sample - signal * model_output) / noise;
        case PredictionType::v_prediction:
            return signal * model_output + noise * sample;
        case PredictionType::epsilon:
            break;
    }
    return model_output;
}

torch::Tensor threshold_sample(const SchedulerConfig& config, const torch::Tensor& sample) {
    auto limit = sample.flatten(1).abs().quantile(config.dynamic_thresholding_ratio, 1);
    limit = limit.clamp_min(1).clamp_max(config.sample_max_value);
    std::vector<std::int64_t> shape(static_cast<std::size_t>(sample.dim()), 1);
    shape[0] = -1;
    limit = limit.view(shape);
    return torch::minimum(torch::maximum(sample, -limit), limit) / limit;
}

torch::Tensor limit_sample(const SchedulerConfig& config, const torch::Tensor& sample) {
    if (config.thresholding) return threshold_sample(config, sample);
    if (config.clip_sample) return sample.clamp(-config.clip_sample_range, config.clip_sample_range);
    return sample;
}

VariancePreserving::VariancePreserving(double noise_level)
    : alpha(1 / std::sqrt(noise_level * noise_level + 1)),
      sigma(noise_level * alpha),
      lambda(std::log(alpha) - std::log(sigma)) {}

double SigmaScheduler::init_noise_sigma() const {
    const double largest = sigmas().empty() ? 0 : *std::max_element(sigmas().begin(), sigmas().end());
    return config().timestep_spacing == TimestepSpacing::leading ? std::sqrt(largest * largest + 1) : largest;
}

torch::Tensor SigmaScheduler::scale_model_input(const torch::Tensor& sample, std::size_t i) const {
    return sample / std::sqrt(sigma(i) * sigma(i) + 1);
}

Scheduler::Tables SigmaScheduler::make_tables(std::int64_t steps) const {
    const SigmaTable table(noise_schedule().alphas_cumprod());
    auto times = spaced_timesteps(config().timestep_spacing, config().num_train_timesteps, steps,
                                  config().steps_offset, /*round=*/false);
    std::vector<double> sigmas;
    // The timesteps are float32 before they are looked up.
    for (double& t : times) sigmas.push_back(table.at(t = static_cast<float>(t)));
    if (!config().use_karras_sigmas) return {timestep_tensor(times, torch::kFloat32), with_last(sigmas, 0)};
    sigmas = karras_sigmas(sigmas.front(), sigmas.back(), steps);
    std::transform(sigmas.begin(), sigmas.end(), times.begin(),
                   [&](double s) { return table.timestep_of(s); });
    return {timestep_tensor(times, torch::kFloat64), with_last(sigmas, 0)};
}

torch::Tensor SigmaScheduler::predict_original(const torch::Tensor& model_output, const torch::Tensor& sample,
                                               double sigma) const {
    if (config().prediction_type == PredictionType::epsilon) return sample - sigma * model_output;
    if (config().prediction_type == PredictionType::sample) return model_output;
    const double variance = sigma * sigma + 1;
    return model_output * (-sigma / std::sqrt(variance)) + sample / variance;
}

}  // namespace hra::detail

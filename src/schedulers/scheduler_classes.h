// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The diffusers classes behind make_scheduler(), one source file each, and the base of those with sigmas.
#pragma once

#include <memory>

#include "schedulers/scheduler.h"

namespace hra::detail {

std::unique_ptr<Scheduler> make_ddim(SchedulerConfig config);
std::unique_ptr<Scheduler> make_ddpm(SchedulerConfig config);
std::unique_ptr<Scheduler> make_pndm(SchedulerConfig config);
std::unique_ptr<Scheduler> make_euler(SchedulerConfig config);
std::unique_ptr<Scheduler> make_euler_ancestral(SchedulerConfig config);
std::unique_ptr<Scheduler> make_heun(SchedulerConfig config);
std::unique_ptr<Scheduler> make_lms(SchedulerConfig config);
std::unique_ptr<Scheduler> make_dpm_solver_multistep(SchedulerConfig config);
std::unique_ptr<Scheduler> make_unipc_multistep(SchedulerConfig config);

/// Euler, Euler ancestral, Heun, LMS: x = x_0 + sigma noise, timesteps with fractions.
class SigmaScheduler : public Scheduler {
public:
    using Scheduler::Scheduler;

    double init_noise_sigma() const override;
    torch::Tensor scale_model_input(const torch::Tensor& sample, std::size_t i) const override;

protected:
    Tables make_tables(std::int64_t steps) const override;
    Level level(std::size_t i) const override { return {1, sigma(i)}; }
    bool fractional_timesteps() const override { return true; }

    /// x_0 from the model's output at a noise level.
    torch::Tensor predict_original(const torch::Tensor& model_output, const torch::Tensor& sample,
                                   double sigma) const;
};

/// With x = signal x_0 + noise eps: x_0 and eps from what the model predicts.
torch::Tensor predict_original(PredictionType type, const torch::Tensor& model_output,
                               const torch::Tensor& sample, double signal, double noise);
torch::Tensor predict_noise(PredictionType type, const torch::Tensor& model_output,
                            const torch::Tensor& sample, double signal, double noise);

/// A predicted x_0 [B, ...] with the config's dynamic thresholding (Saharia et al., arXiv 2205.11487).
torch::Tensor threshold_sample(const SchedulerConfig& config, const torch::Tensor& sample);

/// Thresholds, or clips to the config's range, or neither.
torch::Tensor limit_sample(const SchedulerConfig& config, const torch::Tensor& sample);

/// For the noise level sigma of x_0 + sigma noise: the scale 1 / sqrt(sigma^2 + 1) that keeps the variance,
/// the noise's factor after it, and half the log of the signal-to-noise ratio (infinite for sigma 0).
struct VariancePreserving {
    double alpha, sigma, lambda;
    explicit VariancePreserving(double noise_level);
};

}  // namespace hra::detail

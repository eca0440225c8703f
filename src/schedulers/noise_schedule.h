// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The forward process of a diffusion model: betas, their cumulative products, and noisy training samples
// (diffusers: the constructors, add_noise and get_velocity of schedulers/scheduling_ddpm.py).
#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

#include "schedulers/config.h"

namespace hra {

/// q(x_t | x_0) = N(sqrt(abar_t) x_0, (1 - abar_t) I) for t = 0 ... T - 1, with abar the cumulative product
/// of 1 - beta.
class NoiseSchedule {
public:
    /// Betas by the config's beta_schedule or trained_betas, rescaled to zero terminal SNR on demand.
    explicit NoiseSchedule(const SchedulerConfig& config);

    /// T.
    std::int64_t num_train_timesteps() const { return betas_.size(0); }
    /// [T] float32 on the schedule's device.
    const torch::Tensor& betas() const { return betas_; }
    const torch::Tensor& alphas_cumprod() const { return alphas_cumprod_; }
    /// abar_t on the host; t from 0 to T - 1.
    double alpha_cumprod(std::int64_t t) const {
        return host_alphas_cumprod_.at(static_cast<std::size_t>(t));
    }

    /// Moves the tables, so that the functions below need no copy from the host. Training calls it once.
    void to(torch::Device device);

    /// sqrt(abar_t) sample + sqrt(1 - abar_t) noise. sample, noise [B, ...]; timesteps int64 [B] from 0 to T
    /// - 1. Computed in float32 at least, returned in the sample's dtype.
    torch::Tensor add_noise(const torch::Tensor& sample, const torch::Tensor& noise,
                            const torch::Tensor& timesteps) const;

    /// The target of v-prediction: sqrt(abar_t) noise - sqrt(1 - abar_t) sample. Arguments as in add_noise.
    torch::Tensor get_velocity(const torch::Tensor& sample, const torch::Tensor& noise,
                               const torch::Tensor& timesteps) const;

private:
    torch::Tensor betas_;
    torch::Tensor alphas_cumprod_;
    std::vector<float> host_alphas_cumprod_;
};

}  // namespace hra

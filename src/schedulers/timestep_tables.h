// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The tables that set_timesteps computes, with NumPy's arithmetic: float64 between float32 ends, halves
// rounded to even (diffusers: the set_timesteps and _convert_to_* functions of schedulers/).
#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

#include "schedulers/config.h"

namespace hra {

/// numpy.linspace(first, last, count).
std::vector<double> linspace(double first, double last, std::int64_t count);

/// Descending timesteps of the three spacings of arXiv 2305.08891, table 2, from [0, train_steps).
/// `round`: to whole timesteps (linspace gives fractions otherwise).
std::vector<double> spaced_timesteps(TimestepSpacing spacing, std::int64_t train_steps, std::int64_t steps,
                                     std::int64_t offset, bool round);

/// The same for DPM-Solver and UniPC, which space steps + 1 points and drop the last. `last_timestep` is
/// where the (clipped) schedule ends.
std::vector<double> spaced_solver_timesteps(TimestepSpacing spacing, std::int64_t train_steps,
                                            std::int64_t last_timestep, std::int64_t steps,
                                            std::int64_t offset);

/// Throws Error unless the abar of every timestep exists and is usable: below num_train_timesteps, and no
/// noise prediction where nothing but noise is left.
void check_timesteps(const SchedulerConfig& config, const std::vector<double>& timesteps);

/// The noise levels sqrt((1 - abar) / abar) of all training timesteps, and their logarithms, in float32.
struct SigmaTable {
    std::vector<float> sigmas;
    std::vector<float> log_sigmas;
    explicit SigmaTable(const torch::Tensor& alphas_cumprod);

    /// Linear interpolation at a timestep; clamped at the ends.
    double at(double timestep) const;
    /// The timestep whose log sigma is that of `sigma`, by interpolation; clamped at the ends.
    double timestep_of(double sigma) const;
};

/// Noise levels of Karras et al. (arXiv 2206.00364, equation 5, rho = 7), from high to low.
std::vector<double> karras_sigmas(double sigma_max, double sigma_min, std::int64_t steps);

/// int64, float32 or float64 tensor [n] of the values, on the CPU.
torch::Tensor timestep_tensor(const std::vector<double>& values, torch::Dtype dtype);

/// Rounded to float32, with `last` appended.
std::vector<float> with_last(const std::vector<double>& sigmas, double last);

}  // namespace hra

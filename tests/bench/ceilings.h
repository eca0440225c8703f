// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// What this machine can do at best: a large convolution and a large matrix product through LibTorch.
#pragma once

#include <functional>

#include <torch/types.h>

#include "bench/work.h"

namespace hra::bench {

/// Operations per second.
struct Ceilings {
    double convolution = 0;
    double linear = 0;
};

/// Best of several runs of conv2d (320 to 320 channels, 3x3, 64x64, channels last) and linear (4096 x 1280 x
/// 1280).
Ceilings measure_ceilings(torch::Device device, torch::ScalarType dtype);

/// The time that the work would take at the ceilings; attention counts as matrix products.
double seconds_at_ceiling(const Work& work, const Ceilings& ceilings);

/// Runs `body` once to warm up, then at least `repeats` times, and returns the fastest time in seconds. Waits
/// for the device before and after.
double fastest(torch::Device device, int repeats, const std::function<void()>& body);

void synchronize(torch::Device device);

}  // namespace hra::bench

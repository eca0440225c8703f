// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "bench/ceilings.h"

#include <chrono>

#include <torch/torch.h>

namespace hra::bench {

void synchronize(torch::Device device) {
    if (device.is_cuda()) torch::cuda::synchronize(device.index());
}

double fastest(torch::Device device, int repeats, const std::function<void()>& body) {
    using Clock = std::chrono::steady_clock;
    double best = 0;
    for (int run = 0; run <= repeats; ++run) {  // run 0 warms up
        synchronize(device);
        const auto start = Clock::now();
        body();
        synchronize(device);
        const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
        if (run > 0) best = run == 1 ? seconds : std::min(best, seconds);
    }
    return best;
}

Ceilings measure_ceilings(torch::Device device, torch::ScalarType dtype) {
    constexpr int repeats = 6;
    const torch::NoGradGuard no_grad;
    const auto options = torch::TensorOptions().device(device).dtype(dtype);
    const auto channels_last = torch::MemoryFormat::ChannelsLast;
    const auto picture = torch::randn({1, 320, 64, 64}, options).to(channels_last);
    const auto kernel = torch::randn({320, 320, 3, 3}, options).to(channels_last);
    const auto rows = torch::randn({4096, 1280}, options);
    const auto matrix = torch::randn({1280, 1280}, options);
    const double convolution = 2.0 * 64 * 64 * 320 * 320 * 9;
    const double linear = 2.0 * 4096 * 1280 * 1280;
    return {convolution / fastest(device, repeats, [&] { torch::conv2d(picture, kernel, {}, 1, 1); }),
            linear / fastest(device, repeats, [&] { torch::linear(rows, matrix); })};
}

double seconds_at_ceiling(const Work& work, const Ceilings& ceilings) {
    return work.convolution / ceilings.convolution + (work.linear + work.attention) / ceilings.linear;
}

}  // namespace hra::bench

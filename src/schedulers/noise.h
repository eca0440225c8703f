// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Noise as diffusers' randn_tensor makes it: drawn by torch's CPU generator, then moved to its device, so
// that a seed gives the same picture on every machine (diffusers: utils/torch_utils.py).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <torch/types.h>

namespace hra {

/// Gives the next standard normal tensor of a shape and float options (dtype, device).
using NoiseFunction = std::function<torch::Tensor(at::IntArrayRef shape, const torch::TensorOptions&)>;

/// A CPU generator (mt19937) in the state of Python's torch.Generator().manual_seed(seed).
torch::Generator seeded_generator(std::uint64_t seed);

/// Standard normal numbers of `shape`. They are drawn on the CPU in float32 (float64 if asked for) and then
/// converted, so that half precision sees the same noise, only rounded.
torch::Tensor seeded_randn(at::IntArrayRef shape, torch::Generator generator,
                           const torch::TensorOptions& options = {});
torch::Tensor seeded_randn(at::IntArrayRef shape, std::uint64_t seed,
                           const torch::TensorOptions& options = {});

/// A stream of noise for a batch of images: call after call continues the same generators.
class NoiseSource {
public:
    /// One generator for whole batches.
    explicit NoiseSource(std::uint64_t seed);
    /// One generator for each image, as diffusers' list of generators: each image is what its seed alone
    /// gives. A single generator serves any batch. Throws Error when there is none.
    explicit NoiseSource(std::vector<torch::Generator> generators);
    static NoiseSource per_image(const std::vector<std::uint64_t>& seeds);

    /// Noise of `shape` [B, ...]. Throws Error when B is not the number of generators (and that is not one).
    torch::Tensor operator()(at::IntArrayRef shape, const torch::TensorOptions& options = {});

private:
    std::vector<torch::Generator> generators_;
};

}  // namespace hra

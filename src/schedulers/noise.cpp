// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "schedulers/noise.h"

#include <utility>

#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

#include "core/error.h"

namespace hra {
namespace {

torch::Tensor draw(at::IntArrayRef shape, const torch::Generator& generator,
                   const torch::TensorOptions& options) {
    const auto dtype = options.dtype() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
    return torch::randn(shape, generator, torch::TensorOptions().dtype(dtype));
}

// A copy from pinned memory does not make the host wait for the work queued on the device.
torch::Tensor deliver(torch::Tensor noise, const torch::TensorOptions& options) {
    if (options.device().is_cuda()) noise = noise.pin_memory();
    return noise.to(options.device(), /*non_blocking=*/true).to(options.dtype().toScalarType());
}

}  // namespace

torch::Generator seeded_generator(std::uint64_t seed) {
    return at::detail::createCPUGenerator(seed);
}

torch::Tensor seeded_randn(at::IntArrayRef shape, torch::Generator generator,
                           const torch::TensorOptions& options) {
    return deliver(draw(shape, generator, options), options);
}

torch::Tensor seeded_randn(at::IntArrayRef shape, std::uint64_t seed, const torch::TensorOptions& options) {
    return seeded_randn(shape, seeded_generator(seed), options);
}

NoiseSource::NoiseSource(std::uint64_t seed) : NoiseSource(std::vector{seeded_generator(seed)}) {}

NoiseSource::NoiseSource(std::vector<torch::Generator> generators) : generators_(std::move(generators)) {
    check(!generators_.empty(), "noise", "wanted at least one generator, got none");
}

NoiseSource NoiseSource::per_image(const std::vector<std::uint64_t>& seeds) {
    std::vector<torch::Generator> generators;
    for (const auto seed : seeds) generators.push_back(seeded_generator(seed));
    return NoiseSource(std::move(generators));
}

torch::Tensor NoiseSource::operator()(at::IntArrayRef shape, const torch::TensorOptions& options) {
    if (generators_.size() == 1) return seeded_randn(shape, generators_.front(), options);
    check(!shape.empty() && shape[0] == static_cast<std::int64_t>(generators_.size()), "noise",
          "wanted a batch of ", generators_.size(), " images (one for each generator), got shape ", shape);
    auto image_shape = shape.vec();
    image_shape[0] = 1;
    std::vector<torch::Tensor> images;
    for (const auto& generator : generators_) images.push_back(draw(image_shape, generator, options));
    return deliver(torch::cat(images), options);
}

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "support/modules.h"

#include <cmath>
#include <unordered_map>

#include <gtest/gtest.h>

#include <torch/torch.h>

#include "core/error.h"
#include "nn/observer.h"

namespace hra::test {

StateDict parameters_of(const torch::nn::Module& module) {
    StateDict parameters;
    for (const auto& item : module.named_parameters()) parameters[item.key()] = item.value();
    return parameters;
}

void load_parameters(torch::nn::Module& module, const StateDict& tensors) {
    const torch::NoGradGuard no_grad;
    const auto parameters = parameters_of(module);
    for (const auto& [name, tensor] : tensors) {
        check(parameters.count(name) == 1, "tests", "wanted a parameter of the model, got ", name);
        check(parameters.at(name).sizes() == tensor.sizes(), "tests", "wanted ", name, ' ',
              parameters.at(name).sizes(), ", got ", tensor.sizes());
        parameters.at(name).copy_(tensor);
    }
    check(parameters.size() == tensors.size(), "tests", "wanted ", parameters.size(), " tensors, got ",
          tensors.size());
}

void randomize(torch::nn::Module& module, std::uint64_t seed) {
    const torch::NoGradGuard no_grad;
    torch::manual_seed(seed);
    for (const auto& item : module.named_parameters()) {
        auto parameter = item.value();
        const bool matrix = parameter.dim() > 1;
        const auto fan_in = matrix ? parameter[0].numel() : std::int64_t{100};
        parameter.normal_(0, 1 / std::sqrt(static_cast<double>(fan_in)));
        if (!matrix && item.key().ends_with("weight")) parameter.add_(1);  // the scale of a norm
    }
}

std::map<std::string, torch::Tensor> activations(torch::nn::Module& module,
                                                 const std::function<void()>& run) {
    std::unordered_map<const torch::nn::Module*, std::string> names;
    for (const auto& item : module.named_modules()) names[item.value().get()] = item.key();
    std::map<std::string, torch::Tensor> outputs;
    const ScopedObserver observer([&](const torch::nn::Module& source, const torch::Tensor& output) {
        outputs[names.at(&source)] = output;
    });
    run();
    return outputs;
}

}  // namespace hra::test

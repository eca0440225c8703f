// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Modules in tests: weights from fixtures or from a seed, inner activations by name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include <torch/nn/module.h>

#include "weights/state_dict.h"

namespace hra::test {

/// The parameters of a module by name.
StateDict parameters_of(const torch::nn::Module& module);

/// Copies the tensors into the parameters. Both must have the same names and shapes.
void load_parameters(torch::nn::Module& module, const StateDict& tensors);

/// Fills all parameters with normal numbers of a scale at which activations neither vanish nor explode.
void randomize(torch::nn::Module& module, std::uint64_t seed);

/// The outputs of all named submodules while `run` runs; the module itself has the empty name.
std::map<std::string, torch::Tensor> activations(torch::nn::Module& module, const std::function<void()>& run);

}  // namespace hra::test

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Gives a module its weights: strict about names and shapes, without copies where none are needed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <torch/nn/module.h>

#include "weights/state_dict.h"

namespace hra {

struct LoadOptions {
    std::string where = {};                       // for errors: the file or folder
    std::vector<std::string> ignored_keys = {};   // full names that may be missing or left over
    std::optional<torch::ScalarType> dtype = {};  // of floating-point tensors; none: the module's own
    bool keep_dtype = false;                      // leave every tensor the dtype that it has in the file
    std::optional<torch::Device> device = {};     // none: the module's own
};

/// Sets all parameters and buffers of `module` to the tensors of the same names, with requires_grad off. A
/// tensor that has the wanted dtype and device already is taken over as it is, so that memory-mapped weights
/// stay mapped; others are converted once. Throws one Error that lists the missing, the unexpected and the
/// mis-shaped names, ten of each at most; the module is unchanged then.
void load_state_dict(torch::nn::Module& module, const StateDict& tensors, const LoadOptions& options = {});

}  // namespace hra

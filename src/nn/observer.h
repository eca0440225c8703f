// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// A window into a running model, for tests and for looking at inner activations: LibTorch's C++ modules have
// no forward hooks.
#pragma once

#include <functional>

#include <torch/nn/module.h>

namespace hra {

/// Called with a module and its output, in the order of evaluation. `named_modules()` tells the name.
using ModuleObserver = std::function<void(const torch::nn::Module&, const torch::Tensor&)>;

/// While it lives, the observer hears of every module that this thread evaluates. Scopes nest: the innermost
/// one hears.
class ScopedObserver {
public:
    explicit ScopedObserver(ModuleObserver observer);
    ~ScopedObserver();
    ScopedObserver(const ScopedObserver&) = delete;
    ScopedObserver& operator=(const ScopedObserver&) = delete;

private:
    ModuleObserver observer_;
    const ModuleObserver* previous_;
};

/// Returns `output`, and shows it to the observer, if there is one. Each module's forward ends with it.
torch::Tensor observed(const torch::nn::Module& module, torch::Tensor output);

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "nn/observer.h"

#include <utility>

namespace hra {
namespace {

thread_local const ModuleObserver* current = nullptr;

}  // namespace

ScopedObserver::ScopedObserver(ModuleObserver observer)
    : observer_(std::move(observer)), previous_(std::exchange(current, &observer_)) {}

ScopedObserver::~ScopedObserver() {
    current = previous_;
}

torch::Tensor observed(const torch::nn::Module& module, torch::Tensor output) {
    if (current != nullptr) (*current)(module, output);
    return output;
}

}  // namespace hra

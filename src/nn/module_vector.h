// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// A typed list of modules, registered as "0", "1", ... like Python's ModuleList.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

namespace hra {

template <class Holder>
class ModuleVectorImpl : public torch::nn::Module {
public:
    /// Registers the module under the next index.
    void push_back(Holder item) {
        items_.push_back(register_module(std::to_string(items_.size()), std::move(item)));
    }

    bool empty() const { return items_.empty(); }
    std::size_t size() const { return items_.size(); }
    Holder& operator[](std::size_t index) { return items_[index]; }
    auto begin() { return items_.begin(); }
    auto end() { return items_.end(); }

private:
    std::vector<Holder> items_;
};

/// `list->push_back(...)`, `list[i]`, `for (auto& item : *list)`. An empty list adds no name to a state dict.
template <class Holder>
class ModuleVector : public torch::nn::ModuleHolder<ModuleVectorImpl<Holder>> {
public:
    using torch::nn::ModuleHolder<ModuleVectorImpl<Holder>>::ModuleHolder;
    Holder& operator[](std::size_t index) { return (**this)[index]; }
};

}  // namespace hra

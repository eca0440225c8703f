// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "weights/load_state_dict.h"

#include <algorithm>

#include <torch/torch.h>

#include "core/error.h"

namespace hra {
namespace {

constexpr std::size_t max_listed = 10;

/// "3 missing (a, b, c)", or nothing for an empty list.
std::string summary(const char* what, const std::vector<std::string>& names) {
    if (names.empty()) return {};
    std::string text = concat(names.size(), ' ', what, " (");
    for (std::size_t i = 0; i < std::min(names.size(), max_listed); ++i)
        text += (i > 0 ? ", " : "") + names[i];
    return text + (names.size() > max_listed ? ", ...)" : ")");
}

std::string joined(const std::vector<std::string>& parts) {
    std::string text;
    for (const auto& part : parts)
        if (!part.empty()) text += (text.empty() ? "" : "; ") + part;
    return text;
}

/// The module's tensors by name; undefined ones (a bias that is switched off) are left out.
StateDict tensors_of(const torch::nn::Module& module) {
    StateDict result;
    for (const auto& item : module.named_parameters())
        if (item.value().defined()) result.emplace(item.key(), item.value());
    for (const auto& item : module.named_buffers())
        if (item.value().defined()) result.emplace(item.key(), item.value());
    return result;
}

void check_names_and_shapes(const StateDict& wanted, const StateDict& given, const LoadOptions& options) {
    const auto ignored = [&](const std::string& name) {
        return std::find(options.ignored_keys.begin(), options.ignored_keys.end(), name) !=
               options.ignored_keys.end();
    };
    std::vector<std::string> missing, unexpected, misshaped;
    for (const auto& [name, tensor] : wanted) {
        const auto it = given.find(name);
        if (it == given.end()) {
            if (!ignored(name)) missing.push_back(name);
        } else if (it->second.sizes() != tensor.sizes()) {
            misshaped.push_back(concat(name, ": ", it->second.sizes(), " for ", tensor.sizes()));
        }
    }
    for (const auto& [name, tensor] : given)
        if (!wanted.contains(name) && !ignored(name)) unexpected.push_back(name);
    const std::string problems = joined(
        {summary("missing", missing), summary("unexpected", unexpected), summary("mis-shaped", misshaped)});
    check(problems.empty(), options.where, "wanted exactly the model's weights, got ", problems);
}

}  // namespace

void load_state_dict(torch::nn::Module& module, const StateDict& tensors, const LoadOptions& options) {
    const torch::NoGradGuard no_grad;
    const StateDict wanted = tensors_of(module);
    check_names_and_shapes(wanted, tensors, options);
    for (const auto& [name, target] : wanted) {
        const auto it = tensors.find(name);
        if (it == tensors.end()) continue;
        const bool is_float = target.is_floating_point();
        auto dtype = is_float && options.dtype ? *options.dtype : target.scalar_type();
        if (options.keep_dtype) dtype = it->second.scalar_type();
        const auto device = options.device.value_or(target.device());
        // to() returns the tensor itself when nothing changes.
        const torch::Tensor value = it->second.detach().to(device, dtype);
        torch::Tensor handle = target;  // shares the module's own tensor object
        if (is_float) handle.set_requires_grad(false);
        handle.set_data(value);
    }
}

}  // namespace hra

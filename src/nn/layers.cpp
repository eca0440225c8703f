// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "nn/layers.h"

#include <torch/torch.h>

#include "core/files.h"
#include "kernels/normalization.h"
#include "nn/observer.h"

namespace hra {
namespace {

constexpr bool frozen = false;  // requires_grad; training switches it on where it wants gradients

/// Empties a weight of which a packed copy exists, and lets go of the memory of its file.
void drop(torch::Tensor& weight, torch::ScalarType dtype) {
    MappedFile::release(weight.data_ptr(), weight.nbytes());
    weight.set_data(torch::empty({0}, weight.options().dtype(dtype)));
}

}  // namespace

LinearImpl::LinearImpl(std::int64_t in_features, std::int64_t out_features, const LinearOptions& options)
    : weight(register_parameter("weight",
                                options.conv1x1 ? torch::empty({out_features, in_features, 1, 1})
                                                : torch::empty({out_features, in_features}),
                                frozen)) {
    if (options.bias) bias = register_parameter("bias", torch::empty({out_features}), frozen);
}

torch::Tensor LinearImpl::forward(const torch::Tensor& x) {
    if (packed) return observed(*this, packed->forward(x));
    return observed(*this, torch::linear(x, weight.flatten(1), bias));
}

void LinearImpl::pack(torch::ScalarType storage, torch::ScalarType activations) {
    packed.emplace(weight.flatten(1), bias, storage);
    drop(weight, activations);
}

Conv2dImpl::Conv2dImpl(const Conv2dOptions& o)
    : weight(register_parameter(
          "weight", torch::empty({o.out_channels, o.in_channels, o.kernel_size, o.kernel_size}), frozen)),
      bias(register_parameter("bias", torch::empty({o.out_channels}), frozen)),
      options(o) {}

torch::Tensor Conv2dImpl::forward(const torch::Tensor& x) {
    if (packed) return observed(*this, packed->forward(x));
    return observed(*this, torch::conv2d(x, weight, bias, options.stride, options.padding));
}

void Conv2dImpl::pack(torch::ScalarType storage, torch::ScalarType activations) {
    packed.emplace(
        weight, bias,
        PackedConv2dOptions{.stride = options.stride, .padding = options.padding, .storage = storage});
    drop(weight, activations);
}

Conv2dOptions conv1x1(std::int64_t in_channels, std::int64_t out_channels) {
    return {.in_channels = in_channels,
            .out_channels = out_channels,
            .kernel_size = 1,
            .stride = 1,
            .padding = 0};
}

GroupNormImpl::GroupNormImpl(std::int64_t groups, std::int64_t channels, double epsilon)
    : weight(register_parameter("weight", torch::empty({channels}), frozen)),
      bias(register_parameter("bias", torch::empty({channels}), frozen)),
      num_groups(groups),
      eps(epsilon) {}

torch::Tensor GroupNormImpl::forward(const torch::Tensor& x) {
    return observed(*this, group_norm(x, num_groups, weight, bias, eps));
}

torch::Tensor GroupNormImpl::forward_silu(const torch::Tensor& x) const {
    return group_norm_silu(x, num_groups, weight, bias, eps);
}

LayerNormImpl::LayerNormImpl(std::int64_t features, double epsilon)
    : weight(register_parameter("weight", torch::empty({features}), frozen)),
      bias(register_parameter("bias", torch::empty({features}), frozen)),
      eps(epsilon) {}

torch::Tensor LayerNormImpl::forward(const torch::Tensor& x) {
    return observed(*this, layer_norm(x, weight, bias, eps));
}

EmbeddingImpl::EmbeddingImpl(std::int64_t count, std::int64_t features)
    : weight(register_parameter("weight", torch::empty({count, features}), frozen)) {}

torch::Tensor EmbeddingImpl::forward(const torch::Tensor& indices) {
    return observed(*this, torch::embedding(weight, indices));
}

}  // namespace hra

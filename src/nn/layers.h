// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The layers that own weights. Parameters are named as in PyTorch, uninitialised until a checkpoint is
// loaded, and frozen: building a model touches no memory and computes nothing.
#pragma once

#include <cstdint>
#include <optional>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "kernels/packed_layers.h"

namespace hra {

struct LinearOptions {
    bool bias = true;
    bool conv1x1 = false;  // the checkpoint holds the weight as a 1x1 convolution, [out, in, 1, 1]
};

struct LinearImpl : torch::nn::Module {
    LinearImpl(std::int64_t in_features, std::int64_t out_features, const LinearOptions& options = {});

    /// x [..., in] -> [..., out].
    torch::Tensor forward(const torch::Tensor& x);
    /// Replaces the weight by a copy laid out for inference on the CPU, held as `storage`; see nn/packing.h.
    void pack(torch::ScalarType storage, torch::ScalarType activations);

    torch::Tensor weight;  // [out, in] or [out, in, 1, 1]; empty once packed
    torch::Tensor bias;    // [out] or undefined
    std::optional<PackedLinear> packed;
};
TORCH_MODULE(Linear);

struct Conv2dOptions {
    std::int64_t in_channels, out_channels;
    std::int64_t kernel_size = 3;
    std::int64_t stride = 1;
    std::int64_t padding = 1;
};

struct Conv2dImpl : torch::nn::Module {
    explicit Conv2dImpl(const Conv2dOptions& options);

    /// x [B, in, H, W] -> [B, out, H', W'] with H' = (H + 2 padding - kernel_size) / stride + 1.
    torch::Tensor forward(const torch::Tensor& x);
    /// As Linear's.
    void pack(torch::ScalarType storage, torch::ScalarType activations);

    torch::Tensor weight;  // [out, in, kernel_size, kernel_size]; empty once packed
    torch::Tensor bias;    // [out]
    Conv2dOptions options;
    std::optional<PackedConv2d> packed;
};
TORCH_MODULE(Conv2d);

/// A 1x1 convolution's options.
Conv2dOptions conv1x1(std::int64_t in_channels, std::int64_t out_channels);

struct GroupNormImpl : torch::nn::Module {
    GroupNormImpl(std::int64_t groups, std::int64_t channels, double epsilon);

    /// x [B, C, ...] -> the same shape.
    torch::Tensor forward(const torch::Tensor& x);
    /// silu(forward(x)) in one pass; observers do not hear of it.
    torch::Tensor forward_silu(const torch::Tensor& x) const;

    torch::Tensor weight, bias;  // [C]
    std::int64_t num_groups;
    double eps;
};
TORCH_MODULE(GroupNorm);

struct LayerNormImpl : torch::nn::Module {
    explicit LayerNormImpl(std::int64_t features, double epsilon = 1e-5);

    /// x [..., features] -> the same shape.
    torch::Tensor forward(const torch::Tensor& x);

    torch::Tensor weight, bias;  // [features]
    double eps;
};
TORCH_MODULE(LayerNorm);

struct EmbeddingImpl : torch::nn::Module {
    EmbeddingImpl(std::int64_t count, std::int64_t features);

    /// Integer indices of any shape -> [..., features].
    torch::Tensor forward(const torch::Tensor& indices);

    torch::Tensor weight;  // [count, features]
};
TORCH_MODULE(Embedding);

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "nn/ops.h"

#include <cmath>
#include <limits>

#include <torch/torch.h>

namespace hra {
namespace {

/// LibTorch 1.13 returns wrong numbers, without an error, for norms of half-precision CPU tensors.
bool needs_float(const torch::Tensor& x) {
    return x.is_cpu() && (x.scalar_type() == torch::kBFloat16 || x.scalar_type() == torch::kFloat16);
}

/// [B, L, heads·d] -> [B, heads, L, d], a view.
torch::Tensor split_heads(const torch::Tensor& x, std::int64_t heads) {
    return x.view({x.size(0), x.size(1), heads, x.size(2) / heads}).transpose(1, 2);
}

}  // namespace

torch::Tensor attention(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v,
                        std::int64_t heads, bool causal) {
    const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(2) / heads));
    auto scores = torch::matmul(split_heads(q * scale, heads), split_heads(k, heads).transpose(2, 3));
    if (causal) {
        const auto future = torch::ones({q.size(1), k.size(1)}, q.options().dtype(torch::kBool)).triu(1);
        scores = scores.masked_fill(future, -std::numeric_limits<double>::infinity());
    }
    const auto mixed = torch::matmul(torch::softmax(scores, -1), split_heads(v, heads));
    return mixed.transpose(1, 2).reshape(q.sizes());
}

torch::Tensor group_norm(const torch::Tensor& x, std::int64_t groups, const torch::Tensor& weight,
                         const torch::Tensor& bias, double eps) {
    if (!needs_float(x)) return torch::group_norm(x, groups, weight, bias, eps);
    return torch::group_norm(x.to(torch::kFloat32), groups, weight.to(torch::kFloat32),
                             bias.to(torch::kFloat32), eps)
        .to(x.scalar_type());
}

torch::Tensor group_norm_silu(const torch::Tensor& x, std::int64_t groups, const torch::Tensor& weight,
                              const torch::Tensor& bias, double eps) {
    return torch::silu(group_norm(x, groups, weight, bias, eps));
}

torch::Tensor layer_norm(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                         double eps) {
    if (!needs_float(x)) return torch::layer_norm(x, weight.sizes(), weight, bias, eps);
    return torch::layer_norm(x.to(torch::kFloat32), weight.sizes(), weight.to(torch::kFloat32),
                             bias.to(torch::kFloat32), eps)
        .to(x.scalar_type());
}

torch::Tensor geglu(const torch::Tensor& x) {
    const auto halves = x.chunk(2, -1);
    return halves[0] * torch::gelu(halves[1]);
}

torch::Tensor quick_gelu(const torch::Tensor& x) {
    return x * torch::sigmoid(1.702 * x);
}

torch::Tensor linear(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias) {
    return torch::linear(x, weight, bias);
}

torch::Tensor conv2d(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                     std::int64_t stride, std::int64_t padding) {
    return torch::conv2d(x, weight, bias, {stride, stride}, {padding, padding});
}

torch::Tensor upsample_nearest(const torch::Tensor& x, std::int64_t height, std::int64_t width) {
    return torch::upsample_nearest2d(x, {height, width});
}

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <torch/autograd.h>

#include "core/error.h"
#include "kernels/attention_tiled.h"
#include "kernels/element_type.h"
#include "kernels/torch_compat.h"

namespace hra {
namespace {

constexpr int64_t kBackwardQueries = 256;  // rows of scores that the backward pass holds per head

torch::Tensor split_heads(const torch::Tensor& x, int64_t heads) {
    return x.reshape({x.size(0), x.size(1), heads, x.size(2) / heads}).transpose(1, 2);
}

torch::Tensor merge_heads(const torch::Tensor& x) {
    return x.transpose(1, 2).reshape({x.size(0), x.size(2), x.size(1) * x.size(3)});
}

torch::Tensor later_keys(int64_t first_query, int64_t queries, int64_t keys, torch::Device device) {
    const auto options = torch::TensorOptions().dtype(torch::kLong).device(device);
    const auto query = torch::arange(first_query, first_query + queries, options).unsqueeze(1);
    return torch::arange(keys, options).unsqueeze(0) > query;
}

torch::Tensor weights(const torch::Tensor& q, const torch::Tensor& k, int64_t first_query, bool causal) {
    auto scores = torch::matmul(q / std::sqrt(static_cast<double>(q.size(-1))), k.transpose(-2, -1));
    if (causal) {
        scores = scores.masked_fill(later_keys(first_query, q.size(-2), k.size(-2), q.device()),
                                    -std::numeric_limits<double>::infinity());
    }
    return torch::softmax(scores, -1);
}

/// The tiled forward with a backward that recomputes the weights, some queries at a time.
struct TiledAttentionFunction : torch::autograd::Function<TiledAttentionFunction> {
    static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& q,
                                 const torch::Tensor& k, const torch::Tensor& v, int64_t heads, bool causal) {
        context->save_for_backward({q, k, v});
        context->saved_data["heads"] = heads;
        context->saved_data["causal"] = causal;
        return detail::attention_tiled(q, k, v, heads, causal);
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   const torch::autograd::variable_list& gradients) {
        const auto saved = context->get_saved_variables();
        const int64_t heads = context->saved_data["heads"].toInt();
        const bool causal = context->saved_data["causal"].toBool();
        const auto split = [heads](const torch::Tensor& x) {
            return split_heads(x.to(torch::kFloat), heads).contiguous();
        };
        const auto q = split(saved[0]), k = split(saved[1]), v = split(saved[2]), out = split(gradients[0]);
        const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(-1)));
        auto dq = torch::empty_like(q), dk = torch::zeros_like(k), dv = torch::zeros_like(v);
        for (int64_t first = 0; first < q.size(2); first += kBackwardQueries) {
            const int64_t count = std::min(kBackwardQueries, q.size(2) - first);
            const auto rows = q.narrow(2, first, count), grad = out.narrow(2, first, count);
            const auto p = weights(rows, k, first, causal);
            dv += torch::matmul(p.transpose(-2, -1), grad);
            const auto dp = torch::matmul(grad, v.transpose(-2, -1));
            const auto ds = p * (dp - (dp * p).sum(-1, true)) * scale;
            dq.narrow(2, first, count).copy_(torch::matmul(ds, k));
            dk += torch::matmul(ds.transpose(-2, -1), rows);
        }
        const auto merge = [&saved](const torch::Tensor& x) {
            return merge_heads(x).to(saved[0].scalar_type());
        };
        return {merge(dq), merge(dk), merge(dv), torch::Tensor(), torch::Tensor()};
    }
};

void check_shapes(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v, int64_t heads) {
    check(q.dim() == 3 && k.dim() == 3 && v.dim() == 3, "attention", "wanted q, k, v [B, L, C], got ",
          q.dim(), ", ", k.dim(), " and ", v.dim(), " dimensions");
    check(heads > 0 && q.size(2) % heads == 0, "attention", "wanted channels divisible by ", heads,
          " heads, got ", q.size(2));
    check(k.sizes() == v.sizes() && k.size(0) == q.size(0) && k.size(2) == q.size(2) && k.size(1) > 0,
          "attention", "wanted k and v that fit q ", q.sizes(), ", got ", k.sizes(), " and ", v.sizes());
    check(k.scalar_type() == q.scalar_type() && v.scalar_type() == q.scalar_type(), "attention",
          "wanted one dtype, got ", q.scalar_type(), ", ", k.scalar_type(), " and ", v.scalar_type());
}

}  // namespace

torch::Tensor attention(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v, int64_t heads,
                        bool causal) {
    check_shapes(q, k, v, heads);
    if (!q.is_cpu() || !detail::is_tile_type(q.scalar_type())) {
        return merge_heads(compat::scaled_dot_product_attention(split_heads(q, heads), split_heads(k, heads),
                                                                split_heads(v, heads), causal));
    }
    const bool needs_grad =
        torch::GradMode::is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad());
    if (needs_grad) return TiledAttentionFunction::apply(q, k, v, heads, causal);
    return detail::attention_tiled(q, k, v, heads, causal);
}

torch::Tensor attention_reference(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v,
                                  int64_t heads, bool causal) {
    check_shapes(q, k, v, heads);
    const auto p = weights(split_heads(q, heads), split_heads(k, heads), 0, causal);
    return merge_heads(torch::matmul(p, split_heads(v, heads)));
}

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "nn/attention.h"

#include <torch/torch.h>

#include "kernels/attention.h"
#include "kernels/normalization.h"
#include "nn/observer.h"
#include "nn/tokens.h"

namespace hra {

AttentionOutputImpl::AttentionOutputImpl(std::int64_t inner_dim, std::int64_t query_dim)
    : proj(register_module("0", Linear(inner_dim, query_dim))) {}

torch::Tensor AttentionOutputImpl::forward(const torch::Tensor& x) {
    return proj(x);
}

AttentionImpl::AttentionImpl(const AttentionOptions& o)
    : heads(o.heads),
      to_q(register_module("to_q", Linear(o.query_dim, o.heads * o.dim_head, LinearOptions{.bias = o.bias}))),
      to_k(register_module("to_k",
                           Linear(o.context_dim, o.heads * o.dim_head, LinearOptions{.bias = o.bias}))),
      to_v(register_module("to_v",
                           Linear(o.context_dim, o.heads * o.dim_head, LinearOptions{.bias = o.bias}))),
      to_out(register_module("to_out", AttentionOutput(o.heads * o.dim_head, o.query_dim))) {
    if (o.norm_groups)
        group_norm = register_module("group_norm", GroupNorm(*o.norm_groups, o.query_dim, o.norm_eps));
}

torch::Tensor AttentionImpl::attend(const torch::Tensor& x, const torch::Tensor& key,
                                    const torch::Tensor& value) {
    return to_out(attention(to_q(x), key, value, heads));
}

torch::Tensor AttentionImpl::forward(const torch::Tensor& x) {
    return observed(*this, attend(x, to_k(x), to_v(x)));
}

torch::Tensor AttentionImpl::forward_text(const torch::Tensor& x, const TextContext& text) {
    if (text.cache == nullptr)
        return observed(*this, attend(x, to_k(text.hidden_states), to_v(text.hidden_states)));
    auto& entry = text.cache->entries[this];
    if (!entry.key.defined()) entry = {to_k(text.hidden_states), to_v(text.hidden_states)};
    return observed(*this, attend(x, entry.key, entry.value));
}

torch::Tensor AttentionImpl::forward_2d(const torch::Tensor& x) {
    const auto tokens = to_tokens(group_norm(x));
    return observed(*this, from_tokens(attend(tokens, to_k(tokens), to_v(tokens)), x.size(2), x.size(3)) + x);
}

GEGLUImpl::GEGLUImpl(std::int64_t dim, std::int64_t inner_dim)
    : proj(register_module("proj", Linear(dim, 2 * inner_dim))) {}

torch::Tensor GEGLUImpl::forward(const torch::Tensor& x) {
    return observed(*this, geglu(proj(x)));
}

FeedForwardNetImpl::FeedForwardNetImpl(std::int64_t dim, std::int64_t inner_dim)
    : in(register_module("0", GEGLU(dim, inner_dim))), out(register_module("2", Linear(inner_dim, dim))) {}

torch::Tensor FeedForwardNetImpl::forward(const torch::Tensor& x) {
    return out(in(x));
}

FeedForwardImpl::FeedForwardImpl(std::int64_t dim)
    : net(register_module("net", FeedForwardNet(dim, 4 * dim))) {}

torch::Tensor FeedForwardImpl::forward(const torch::Tensor& x) {
    return observed(*this, net(x));
}

BasicTransformerBlockImpl::BasicTransformerBlockImpl(std::int64_t dim, std::int64_t heads,
                                                     std::int64_t cross_attention_dim)
    : norm1(register_module("norm1", LayerNorm(dim))),
      attn1(register_module(
          "attn1", Attention(AttentionOptions{
                       .query_dim = dim, .context_dim = dim, .heads = heads, .dim_head = dim / heads}))),
      norm2(register_module("norm2", LayerNorm(dim))),
      attn2(register_module("attn2", Attention(AttentionOptions{.query_dim = dim,
                                                                .context_dim = cross_attention_dim,
                                                                .heads = heads,
                                                                .dim_head = dim / heads}))),
      norm3(register_module("norm3", LayerNorm(dim))),
      ff(register_module("ff", FeedForward(dim))) {}

torch::Tensor BasicTransformerBlockImpl::forward(torch::Tensor x, const TextContext& text) {
    x = x + attn1(norm1(x));
    x = x + attn2->forward_text(norm2(x), text);
    return observed(*this, x + ff(norm3(x)));
}

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "nn/transformer_2d.h"

#include <torch/torch.h>

#include "nn/observer.h"
#include "nn/tokens.h"

namespace hra {
namespace {

constexpr double norm_eps = 1e-6;  // fixed in diffusers, unlike the residual blocks' eps

Linear projection(const Transformer2DOptions& o) {
    return Linear(o.channels, o.channels, LinearOptions{.conv1x1 = !o.use_linear_projection});
}

}  // namespace

Transformer2DModelImpl::Transformer2DModelImpl(const Transformer2DOptions& o)
    : norm(register_module("norm", GroupNorm(o.norm_num_groups, o.channels, norm_eps))),
      proj_in(register_module("proj_in", projection(o))),
      transformer_blocks(register_module("transformer_blocks", ModuleVector<BasicTransformerBlock>())),
      proj_out(register_module("proj_out", projection(o))) {
    for (std::int64_t i = 0; i < o.layers; ++i)
        transformer_blocks->push_back(BasicTransformerBlock(o.channels, o.heads, o.cross_attention_dim));
}

torch::Tensor Transformer2DModelImpl::forward(const torch::Tensor& x, const TextContext& text) {
    auto tokens = proj_in(to_tokens(norm(x)));
    for (auto& block : *transformer_blocks) tokens = block(tokens, text);
    return observed(*this, from_tokens(proj_out(tokens), x.size(2), x.size(3)) + x);
}

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Attention, feed-forward and the transformer block of the UNet (diffusers: models/attention.py and
// models/attention_processor.py, Attention, GEGLU, FeedForward, BasicTransformerBlock).
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "nn/layers.h"

namespace hra {

struct AttentionImpl;

/// Keys and values of one prompt batch, by cross-attention layer. They depend on the text and the weights
/// only, so that all steps of a run may share them. Whoever changes either starts a new cache.
struct CrossAttentionCache {
    struct Entry {
        torch::Tensor key, value;  // [B, L, heads·d]
    };
    std::unordered_map<const AttentionImpl*, Entry> entries;
};

/// The text that a UNet attends to.
struct TextContext {
    torch::Tensor hidden_states;           // [B, L, context_dim]
    CrossAttentionCache* cache = nullptr;  // optional; filled at the first use
};

struct AttentionOptions {
    std::int64_t query_dim;
    std::int64_t context_dim;  // of keys and values; query_dim for self-attention
    std::int64_t heads;
    std::int64_t dim_head;
    bool bias = false;                             // of to_q, to_k, to_v; to_out.0 always has one
    std::optional<std::int64_t> norm_groups = {};  // the VAE's block normalises its input
    double norm_eps = 1e-6;
};

/// Attention's output layer: index 0 of a list whose index 1 is Python's dropout.
struct AttentionOutputImpl : torch::nn::Module {
    AttentionOutputImpl(std::int64_t inner_dim, std::int64_t query_dim);
    torch::Tensor forward(const torch::Tensor& x);

    Linear proj;  // "0"
};
TORCH_MODULE(AttentionOutput);

struct AttentionImpl : torch::nn::Module {
    explicit AttentionImpl(const AttentionOptions& options);

    /// Self-attention: x [B, L, query_dim] -> the same shape.
    torch::Tensor forward(const torch::Tensor& x);
    /// Cross-attention: x [B, L, query_dim] -> the same shape.
    torch::Tensor forward_text(const torch::Tensor& x, const TextContext& text);
    /// The VAE's block: group norm, self-attention over all positions and the residual, x [B, C, H, W].
    torch::Tensor forward_2d(const torch::Tensor& x);

    std::int64_t heads;
    GroupNorm group_norm{nullptr};  // with norm_groups
    Linear to_q, to_k, to_v;
    AttentionOutput to_out;

private:
    torch::Tensor attend(const torch::Tensor& x, const torch::Tensor& key, const torch::Tensor& value);
};
TORCH_MODULE(Attention);

struct GEGLUImpl : torch::nn::Module {
    GEGLUImpl(std::int64_t dim, std::int64_t inner_dim);

    /// x [..., dim] -> [..., inner_dim].
    torch::Tensor forward(const torch::Tensor& x);

    Linear proj;  // to 2 inner_dim
};
TORCH_MODULE(GEGLU);

/// FeedForward's list: index 1 is Python's dropout.
struct FeedForwardNetImpl : torch::nn::Module {
    FeedForwardNetImpl(std::int64_t dim, std::int64_t inner_dim);
    torch::Tensor forward(const torch::Tensor& x);

    GEGLU in;    // "0"
    Linear out;  // "2"
};
TORCH_MODULE(FeedForwardNet);

struct FeedForwardImpl : torch::nn::Module {
    explicit FeedForwardImpl(std::int64_t dim);

    /// x [..., dim] -> the same shape; four times as wide inside.
    torch::Tensor forward(const torch::Tensor& x);

    FeedForwardNet net;
};
TORCH_MODULE(FeedForward);

struct BasicTransformerBlockImpl : torch::nn::Module {
    BasicTransformerBlockImpl(std::int64_t dim, std::int64_t heads, std::int64_t cross_attention_dim);

    /// x [B, L, dim] -> the same shape.
    torch::Tensor forward(torch::Tensor x, const TextContext& text);

    LayerNorm norm1;
    Attention attn1;
    LayerNorm norm2;
    Attention attn2;
    LayerNorm norm3;
    FeedForward ff;
};
TORCH_MODULE(BasicTransformerBlock);

}  // namespace hra

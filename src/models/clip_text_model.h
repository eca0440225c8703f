// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The text encoder of Stable Diffusion (transformers: models/clip/modeling_clip.py, CLIPTextModel).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "nn/layers.h"
#include "nn/module_vector.h"

namespace hra {

/// text_encoder/config.json. The defaults are those of Stable Diffusion v1.5.
struct CLIPTextConfig {
    std::int64_t vocab_size = 49408;
    std::int64_t hidden_size = 768;
    std::int64_t intermediate_size = 3072;
    std::int64_t num_hidden_layers = 12;
    std::int64_t num_attention_heads = 12;
    std::int64_t max_position_embeddings = 77;
    std::string hidden_act = "quick_gelu";  // or "gelu"
    double layer_norm_eps = 1e-5;
    std::int64_t eos_token_id = 2;  // 2 is the hub's historical mistake: the end is then the highest token

    /// Unknown keys are allowed; throws Error("[where] ...") on wrong or unsupported values.
    static CLIPTextConfig from_json(const Json& config, std::string_view where);
};

struct CLIPTextOutput {
    torch::Tensor last_hidden_state;           // [B, L, hidden_size], after final_layer_norm
    torch::Tensor pooled;                      // [B, hidden_size]: last_hidden_state at the end token
    std::vector<torch::Tensor> hidden_states;  // embeddings, then each layer's output, before the norm
};

struct CLIPTextEmbeddingsImpl : torch::nn::Module {
    explicit CLIPTextEmbeddingsImpl(const CLIPTextConfig& config);
    /// input_ids [B, L] -> [B, L, hidden_size].
    torch::Tensor forward(const torch::Tensor& input_ids);

    Embedding token_embedding;
    Embedding position_embedding;
};
TORCH_MODULE(CLIPTextEmbeddings);

struct CLIPAttentionImpl : torch::nn::Module {
    explicit CLIPAttentionImpl(const CLIPTextConfig& config);
    /// Causal self-attention, x [B, L, hidden_size] -> the same shape.
    torch::Tensor forward(const torch::Tensor& x);

    Linear q_proj, k_proj, v_proj, out_proj;
    std::int64_t heads;
};
TORCH_MODULE(CLIPAttention);

struct CLIPMLPImpl : torch::nn::Module {
    explicit CLIPMLPImpl(const CLIPTextConfig& config);
    torch::Tensor forward(const torch::Tensor& x);

    Linear fc1, fc2;
    bool quick;  // which GELU
};
TORCH_MODULE(CLIPMLP);

struct CLIPEncoderLayerImpl : torch::nn::Module {
    explicit CLIPEncoderLayerImpl(const CLIPTextConfig& config);
    torch::Tensor forward(const torch::Tensor& x);

    LayerNorm layer_norm1;
    CLIPAttention self_attn;
    LayerNorm layer_norm2;
    CLIPMLP mlp;
};
TORCH_MODULE(CLIPEncoderLayer);

struct CLIPEncoderImpl : torch::nn::Module {
    explicit CLIPEncoderImpl(const CLIPTextConfig& config);

    ModuleVector<CLIPEncoderLayer> layers;
};
TORCH_MODULE(CLIPEncoder);

struct CLIPTextTransformerImpl : torch::nn::Module {
    explicit CLIPTextTransformerImpl(const CLIPTextConfig& config);

    CLIPTextEmbeddings embeddings;
    CLIPEncoder encoder;
    LayerNorm final_layer_norm;
};
TORCH_MODULE(CLIPTextTransformer);

struct CLIPTextModelImpl : torch::nn::Module {
    explicit CLIPTextModelImpl(const CLIPTextConfig& config);

    /// input_ids [B, L], int64, L up to max_position_embeddings. The last `clip_skip` layers are left out, as
    /// diffusers counts it: 1 gives the final norm of hidden_states[-2], which others call "clip skip 2".
    CLIPTextOutput forward(const torch::Tensor& input_ids, std::int64_t clip_skip = 0);

    CLIPTextConfig config;
    CLIPTextTransformer text_model;
};
TORCH_MODULE(CLIPTextModel);

}  // namespace hra

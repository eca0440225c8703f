// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "models/clip_text_model.h"

#include <torch/torch.h>

#include "core/error.h"
#include "kernels/attention.h"
#include "models/config_checks.h"
#include "nn/observer.h"
#include "nn/ops.h"

namespace hra {
namespace {

/// The position of the end token in each row, [B].
torch::Tensor end_positions(const torch::Tensor& input_ids, std::int64_t eos_token_id) {
    constexpr std::int64_t historical_eos = 2;
    if (eos_token_id == historical_eos) return input_ids.argmax(1);
    return input_ids.eq(eos_token_id).to(torch::kInt64).argmax(1);
}

}  // namespace

CLIPTextConfig CLIPTextConfig::from_json(const Json& config, std::string_view where) {
    using detail::positive;
    check(config.is_object(), where, "wanted a JSON object, got ", config.type_name());
    const CLIPTextConfig d;
    CLIPTextConfig c;
    c.vocab_size = positive(config, "vocab_size", d.vocab_size, detail::max_vocabulary, where);
    c.hidden_size = positive(config, "hidden_size", d.hidden_size, detail::max_channels, where);
    c.intermediate_size =
        positive(config, "intermediate_size", d.intermediate_size, detail::max_channels, where);
    c.num_hidden_layers =
        positive(config, "num_hidden_layers", d.num_hidden_layers, detail::max_layers, where);
    c.num_attention_heads =
        positive(config, "num_attention_heads", d.num_attention_heads, c.hidden_size, where);
    c.max_position_embeddings =
        positive(config, "max_position_embeddings", d.max_position_embeddings, detail::max_channels, where);
    c.hidden_act = json_value<std::string>(config, "hidden_act", d.hidden_act, where);
    c.layer_norm_eps = detail::epsilon(config, "layer_norm_eps", d.layer_norm_eps, where);
    c.eos_token_id = json_value<std::int64_t>(config, "eos_token_id", d.eos_token_id, where);
    check(c.hidden_act == "quick_gelu" || c.hidden_act == "gelu", where,
          "wanted quick_gelu or gelu for \"hidden_act\", got \"", c.hidden_act.substr(0, 60), '"');
    check(c.hidden_size % c.num_attention_heads == 0, where, "wanted hidden_size divisible by ",
          c.num_attention_heads, " (num_attention_heads), got ", c.hidden_size);
    return c;
}

CLIPTextEmbeddingsImpl::CLIPTextEmbeddingsImpl(const CLIPTextConfig& c)
    : token_embedding(register_module("token_embedding", Embedding(c.vocab_size, c.hidden_size))),
      position_embedding(
          register_module("position_embedding", Embedding(c.max_position_embeddings, c.hidden_size))) {}

torch::Tensor CLIPTextEmbeddingsImpl::forward(const torch::Tensor& input_ids) {
    const auto positions = torch::arange(input_ids.size(1), input_ids.options());
    return observed(*this, token_embedding(input_ids) + position_embedding(positions));
}

CLIPAttentionImpl::CLIPAttentionImpl(const CLIPTextConfig& c)
    : q_proj(register_module("q_proj", Linear(c.hidden_size, c.hidden_size))),
      k_proj(register_module("k_proj", Linear(c.hidden_size, c.hidden_size))),
      v_proj(register_module("v_proj", Linear(c.hidden_size, c.hidden_size))),
      out_proj(register_module("out_proj", Linear(c.hidden_size, c.hidden_size))),
      heads(c.num_attention_heads) {}

torch::Tensor CLIPAttentionImpl::forward(const torch::Tensor& x) {
    constexpr bool causal = true;
    return observed(*this, out_proj(attention(q_proj(x), k_proj(x), v_proj(x), heads, causal)));
}

CLIPMLPImpl::CLIPMLPImpl(const CLIPTextConfig& c)
    : fc1(register_module("fc1", Linear(c.hidden_size, c.intermediate_size))),
      fc2(register_module("fc2", Linear(c.intermediate_size, c.hidden_size))),
      quick(c.hidden_act == "quick_gelu") {}

torch::Tensor CLIPMLPImpl::forward(const torch::Tensor& x) {
    const auto inner = fc1(x);
    return observed(*this, fc2(quick ? quick_gelu(inner) : torch::gelu(inner)));
}

CLIPEncoderLayerImpl::CLIPEncoderLayerImpl(const CLIPTextConfig& c)
    : layer_norm1(register_module("layer_norm1", LayerNorm(c.hidden_size, c.layer_norm_eps))),
      self_attn(register_module("self_attn", CLIPAttention(c))),
      layer_norm2(register_module("layer_norm2", LayerNorm(c.hidden_size, c.layer_norm_eps))),
      mlp(register_module("mlp", CLIPMLP(c))) {}

torch::Tensor CLIPEncoderLayerImpl::forward(const torch::Tensor& x) {
    const auto h = x + self_attn(layer_norm1(x));
    return observed(*this, h + mlp(layer_norm2(h)));
}

CLIPEncoderImpl::CLIPEncoderImpl(const CLIPTextConfig& c)
    : layers(register_module("layers", ModuleVector<CLIPEncoderLayer>())) {
    for (std::int64_t i = 0; i < c.num_hidden_layers; ++i) layers->push_back(CLIPEncoderLayer(c));
}

CLIPTextTransformerImpl::CLIPTextTransformerImpl(const CLIPTextConfig& c)
    : embeddings(register_module("embeddings", CLIPTextEmbeddings(c))),
      encoder(register_module("encoder", CLIPEncoder(c))),
      final_layer_norm(register_module("final_layer_norm", LayerNorm(c.hidden_size, c.layer_norm_eps))) {}

CLIPTextModelImpl::CLIPTextModelImpl(const CLIPTextConfig& c)
    : config(c), text_model(register_module("text_model", CLIPTextTransformer(c))) {}

CLIPTextOutput CLIPTextModelImpl::forward(const torch::Tensor& input_ids, std::int64_t clip_skip) {
    constexpr auto where = "CLIPTextModel";
    check(input_ids.dim() == 2 && input_ids.size(1) <= config.max_position_embeddings, where,
          "wanted token ids [batch, up to ", config.max_position_embeddings, "], got ", input_ids.sizes());
    check(clip_skip >= 0 && clip_skip < config.num_hidden_layers, where, "wanted clip_skip from 0 to ",
          config.num_hidden_layers - 1, ", got ", clip_skip);
    CLIPTextOutput out;
    out.hidden_states.push_back(text_model->embeddings(input_ids));
    const auto used = static_cast<std::size_t>(config.num_hidden_layers - clip_skip);
    for (std::size_t i = 0; i < used; ++i)
        out.hidden_states.push_back(text_model->encoder->layers[i](out.hidden_states.back()));
    out.last_hidden_state = text_model->final_layer_norm(out.hidden_states.back());
    const auto rows = torch::arange(input_ids.size(0), input_ids.options());
    out.pooled = out.last_hidden_state.index({rows, end_positions(input_ids, config.eos_token_id)});
    return out;
}

}  // namespace hra

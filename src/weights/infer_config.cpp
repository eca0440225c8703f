// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "weights/infer_config.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/error.h"

namespace hra {
namespace {

/// One extent of a tensor that must be there.
std::int64_t extent(const StateDict& tensors, const std::string& name, std::int64_t dimension,
                    std::string_view where) {
    const auto it = tensors.find(name);
    check(it != tensors.end(), where, "wanted a tensor \"", name, "\", got none");
    check(it->second.dim() > dimension, where, "wanted \"", name, "\" to have more than ", dimension,
          " dimensions, got ", it->second.dim());
    return it->second.size(dimension);
}

bool has(const StateDict& tensors, const std::string& name) {
    return tensors.contains(name);
}

/// How many of prefix0suffix, prefix1suffix, ... there are.
int count(const StateDict& tensors, const std::string& prefix, const std::string& suffix) {
    int n = 0;
    while (has(tensors, concat(prefix, n, suffix))) ++n;
    return n;
}

std::vector<std::int64_t> channels(const StateDict& tensors, const std::string& prefix,
                                   std::string_view where) {
    constexpr const char* first_convolution = ".resnets.0.conv1.weight";
    std::vector<std::int64_t> result;
    for (int i = 0, levels = count(tensors, prefix, first_convolution); i < levels; ++i)
        result.push_back(extent(tensors, concat(prefix, i, first_convolution), 0, where));
    check(!result.empty(), where, "wanted tensors below \"", prefix, "0\", got none");
    return result;
}

Json replaced(Json config, const Json& known) {
    if (known.is_object()) config.update(known);
    return config;
}

bool knows(const Json& known, const char* key) {
    return known.is_object() && known.contains(key);
}

}  // namespace

Json infer_unet_config(const StateDict& unet, const Json& known, std::string_view where) {
    const auto widths = channels(unet, "down_blocks.", where);
    Json down = Json::array(), up = Json::array();
    for (std::size_t i = 0; i < widths.size(); ++i) {
        const bool attention = has(unet, concat("down_blocks.", i, ".attentions.0.norm.weight"));
        down.push_back(attention ? "CrossAttnDownBlock2D" : "DownBlock2D");
        up.insert(up.begin(), attention ? "CrossAttnUpBlock2D" : "UpBlock2D");
    }
    const std::string attention = "mid_block.attentions.0.";
    const auto proj_in = unet.find(attention + "proj_in.weight");
    const bool linear = proj_in != unet.end() && proj_in->second.dim() == 2;
    check(!linear || knows(known, "attention_head_dim"), where,
          "wanted a Stable Diffusion 1 checkpoint, got linear projections as in version 2 (give its config "
          "folder)");
    return replaced(
        {{"_class_name", "UNet2DConditionModel"},
         {"act_fn", "silu"},
         {"attention_head_dim", 8},  // the number of heads, in spite of its name
         {"block_out_channels", widths},
         {"center_input_sample", false},
         {"cross_attention_dim",
          extent(unet, attention + "transformer_blocks.0.attn2.to_k.weight", 1, where)},
         {"down_block_types", down},
         {"downsample_padding", 1},
         {"flip_sin_to_cos", true},
         {"freq_shift", 0},
         {"in_channels", extent(unet, "conv_in.weight", 1, where)},
         {"layers_per_block", count(unet, "down_blocks.0.resnets.", ".conv1.weight")},
         {"mid_block_scale_factor", 1},
         {"norm_eps", 1e-5},
         {"norm_num_groups", 32},
         {"out_channels", extent(unet, "conv_out.weight", 0, where)},
         {"sample_size", 64},
         {"transformer_layers_per_block", count(unet, attention + "transformer_blocks.", ".norm1.weight")},
         {"up_block_types", up},
         {"use_linear_projection", linear}},
        known);
}

Json infer_vae_config(const StateDict& vae, const Json& known, std::string_view where) {
    const auto widths = channels(vae, "encoder.down_blocks.", where);
    return replaced({{"_class_name", "AutoencoderKL"},
                     {"act_fn", "silu"},
                     {"block_out_channels", widths},
                     {"down_block_types", Json::array_t(widths.size(), "DownEncoderBlock2D")},
                     {"in_channels", extent(vae, "encoder.conv_in.weight", 1, where)},
                     {"latent_channels", extent(vae, "decoder.conv_in.weight", 1, where)},
                     {"layers_per_block", count(vae, "encoder.down_blocks.0.resnets.", ".conv1.weight")},
                     {"norm_num_groups", 32},
                     {"out_channels", extent(vae, "decoder.conv_out.weight", 0, where)},
                     {"sample_size", 512},
                     {"scaling_factor", 0.18215},
                     {"up_block_types", Json::array_t(widths.size(), "UpDecoderBlock2D")}},
                    known);
}

Json infer_text_config(const StateDict& text_encoder, const Json& known, std::string_view where) {
    constexpr std::int64_t head_size = 64;  // of all CLIP text encoders
    const std::string embeddings = "text_model.embeddings.", layers = "text_model.encoder.layers.";
    const std::int64_t vocabulary = extent(text_encoder, embeddings + "token_embedding.weight", 0, where);
    const std::int64_t width = extent(text_encoder, embeddings + "token_embedding.weight", 1, where);
    check((width > 0 && width % head_size == 0) || knows(known, "num_attention_heads"), where,
          "wanted a text encoder with heads of ", head_size, " channels, got ", width,
          " channels in all (give its config folder)");
    return replaced({{"architectures", {"CLIPTextModel"}},
                     {"bos_token_id", vocabulary - 2},
                     {"eos_token_id", vocabulary - 1},
                     {"hidden_act", "quick_gelu"},
                     {"hidden_size", width},
                     {"intermediate_size", extent(text_encoder, layers + "0.mlp.fc1.weight", 0, where)},
                     {"layer_norm_eps", 1e-5},
                     {"max_position_embeddings",
                      extent(text_encoder, embeddings + "position_embedding.weight", 0, where)},
                     {"model_type", "clip_text_model"},
                     {"num_attention_heads", width / head_size},
                     {"num_hidden_layers", count(text_encoder, layers, ".layer_norm1.weight")},
                     {"vocab_size", vocabulary}},
                    known);
}

Json default_scheduler_config() {
    return {{"_class_name", "PNDMScheduler"},
            {"beta_end", 0.012},
            {"beta_schedule", "scaled_linear"},
            {"beta_start", 0.00085},
            {"clip_sample", false},
            {"num_train_timesteps", 1000},
            {"prediction_type", "epsilon"},
            {"set_alpha_to_one", false},
            {"skip_prk_steps", true},
            {"steps_offset", 1},
            {"trained_betas", nullptr}};
}

}  // namespace hra

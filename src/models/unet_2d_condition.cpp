// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "models/unet_2d_condition.h"

#include <algorithm>

#include <torch/torch.h>

#include "core/error.h"
#include "models/config_checks.h"
#include "nn/observer.h"

namespace hra {
namespace {

using Config = UNet2DConditionConfig;

/// diffusers options that Stable Diffusion 1 and 2 leave at these values.
void check_supported(const Json& json, std::string_view where) {
    detail::check_only_values(json,
                              {{"center_input_sample", false},
                               {"mid_block_type", "UNetMidBlock2DCrossAttn"},
                               {"only_cross_attention", false},
                               {"mid_block_only_cross_attention", false},
                               {"dual_cross_attention", false},
                               {"downsample_padding", 1},
                               {"mid_block_scale_factor", 1},
                               {"act_fn", "silu"},
                               {"num_attention_heads", nullptr},
                               {"encoder_hid_dim", nullptr},
                               {"encoder_hid_dim_type", nullptr},
                               {"class_embed_type", nullptr},
                               {"num_class_embeds", nullptr},
                               {"addition_embed_type", nullptr},
                               {"class_embeddings_concat", false},
                               {"resnet_time_scale_shift", "default"},
                               {"resnet_skip_time_act", false},
                               {"resnet_out_scale_factor", 1},
                               {"time_embedding_type", "positional"},
                               {"time_embedding_dim", nullptr},
                               {"time_embedding_act_fn", nullptr},
                               {"timestep_post_act", nullptr},
                               {"time_cond_proj_dim", nullptr},
                               {"conv_in_kernel", 3},
                               {"conv_out_kernel", 3},
                               {"attention_type", "default"},
                               {"cross_attention_norm", nullptr},
                               {"reverse_transformer_layers_per_block", nullptr}},
                              where);
}

std::vector<std::int64_t> read_heads(const Json& json, std::size_t blocks, std::string_view where) {
    constexpr auto key = "attention_head_dim";
    const auto found = json.find(key);
    if (found == json.end() || !found->is_array())
        return std::vector<std::int64_t>(blocks, json_value<std::int64_t>(json, key, 8, where));
    const auto heads = json_value<std::vector<std::int64_t>>(json, key, where);
    check(heads.size() == blocks, where, "wanted one number or ", blocks, " in \"", key, "\", got ",
          heads.size());
    return heads;
}

bool has_attention(const std::string& block_type) {
    return block_type.starts_with("CrossAttn");
}

UNetBlockOptions block_options(const Config& c, std::size_t level) {
    return {.out_channels = c.block_out_channels[level],
            .temb_channels = c.time_embed_dim(),
            .layers = c.layers_per_block,
            .cross_attention = true,
            .heads = c.num_attention_heads[level],
            .cross_attention_dim = c.cross_attention_dim,
            .transformer_layers = c.transformer_layers_per_block,
            .use_linear_projection = c.use_linear_projection,
            .norm_num_groups = c.norm_num_groups,
            .norm_eps = c.norm_eps,
            .resample = false};
}

ModuleVector<DownBlock2D> make_down_blocks(const Config& c) {
    ModuleVector<DownBlock2D> blocks;
    const auto& channels = c.block_out_channels;
    for (std::size_t i = 0; i < channels.size(); ++i) {
        auto options = block_options(c, i);
        options.cross_attention = has_attention(c.down_block_types[i]);
        options.resample = i + 1 < channels.size();
        blocks->push_back(DownBlock2D(channels[i == 0 ? 0 : i - 1], options));
    }
    return blocks;
}

/// Up block i mirrors down block n - 1 - i and has one layer more.
ModuleVector<UpBlock2D> make_up_blocks(const Config& c) {
    ModuleVector<UpBlock2D> blocks;
    const auto& channels = c.block_out_channels;
    for (std::size_t i = 0; i < channels.size(); ++i) {
        const std::size_t level = channels.size() - 1 - i;
        auto options = block_options(c, level);
        options.layers = c.layers_per_block + 1;
        options.cross_attention = has_attention(c.up_block_types[i]);
        options.resample = level > 0;
        const auto previous = channels[std::min(level + 1, channels.size() - 1)];
        blocks->push_back(UpBlock2D(channels[level == 0 ? 0 : level - 1], previous, options));
    }
    return blocks;
}

}  // namespace

Config Config::from_json(const Json& json, std::string_view where) {
    using detail::positive;
    check(json.is_object(), where, "wanted a JSON object, got ", json.type_name());
    check_supported(json, where);
    const Config d;
    Config c;
    c.sample_size = positive(json, "sample_size", d.sample_size, detail::max_channels, where);
    c.in_channels = positive(json, "in_channels", d.in_channels, detail::max_channels, where);
    c.out_channels = positive(json, "out_channels", d.out_channels, detail::max_channels, where);
    c.flip_sin_to_cos = json_value<bool>(json, "flip_sin_to_cos", d.flip_sin_to_cos, where);
    c.freq_shift = json_value<double>(json, "freq_shift", d.freq_shift, where);
    c.norm_num_groups = positive(json, "norm_num_groups", d.norm_num_groups, detail::max_channels, where);
    c.norm_eps = detail::epsilon(json, "norm_eps", d.norm_eps, where);
    c.block_out_channels =
        detail::channel_list(json, "block_out_channels", d.block_out_channels, c.norm_num_groups, where);
    const auto blocks = c.block_out_channels.size();
    c.down_block_types = detail::block_types(json, "down_block_types", d.down_block_types, blocks,
                                             {"CrossAttnDownBlock2D", "DownBlock2D"}, where);
    c.up_block_types = detail::block_types(json, "up_block_types", d.up_block_types, blocks,
                                           {"CrossAttnUpBlock2D", "UpBlock2D"}, where);
    c.layers_per_block = positive(json, "layers_per_block", d.layers_per_block, detail::max_layers, where);
    c.cross_attention_dim =
        positive(json, "cross_attention_dim", d.cross_attention_dim, detail::max_channels, where);
    c.transformer_layers_per_block = positive(json, "transformer_layers_per_block",
                                              d.transformer_layers_per_block, detail::max_layers, where);
    c.use_linear_projection = json_value<bool>(json, "use_linear_projection", d.use_linear_projection, where);
    c.num_attention_heads = read_heads(json, blocks, where);
    for (std::size_t i = 0; i < blocks; ++i) {
        const auto heads = c.num_attention_heads[i];
        check(heads >= 1 && c.block_out_channels[i] % heads == 0, where,
              "wanted \"attention_head_dim\" (the number of heads) to divide ", c.block_out_channels[i],
              " channels, got ", heads);
    }
    return c;
}

UNet2DConditionModelImpl::UNet2DConditionModelImpl(const Config& c)
    : config(c),
      conv_in(register_module(
          "conv_in",
          Conv2d(Conv2dOptions{.in_channels = c.in_channels, .out_channels = c.block_out_channels.front()}))),
      time_embedding(register_module("time_embedding",
                                     TimestepEmbedding(c.block_out_channels.front(), c.time_embed_dim()))),
      down_blocks(register_module("down_blocks", make_down_blocks(c))),
      mid_block(register_module("mid_block",
                                UNetMidBlock2DCrossAttn(block_options(c, c.block_out_channels.size() - 1)))),
      up_blocks(register_module("up_blocks", make_up_blocks(c))),
      conv_norm_out(register_module("conv_norm_out",
                                    GroupNorm(c.norm_num_groups, c.block_out_channels.front(), c.norm_eps))),
      conv_out(register_module("conv_out", Conv2d(Conv2dOptions{.in_channels = c.block_out_channels.front(),
                                                                .out_channels = c.out_channels}))) {}

void UNet2DConditionModelImpl::check_inputs(const UNetInputs& in) const {
    constexpr auto where = "UNet2DConditionModel";
    check(in.sample.dim() == 4 && in.sample.size(1) == config.in_channels, where, "wanted a sample [batch, ",
          config.in_channels, ", height, width], got ", in.sample.sizes());
    const auto batch = in.sample.size(0);
    const auto& text = in.encoder_hidden_states;
    check(text.dim() == 3 && text.size(0) == batch && text.size(2) == config.cross_attention_dim, where,
          "wanted encoder_hidden_states [", batch, ", length, ", config.cross_attention_dim, "], got ",
          text.sizes(), " (is the text encoder of this model?)");
    check(in.timestep.numel() == 1 || in.timestep.sizes() == in.sample.sizes().slice(0, 1), where,
          "wanted one time step or ", batch, ", got ", in.timestep.sizes());
}

torch::Tensor UNet2DConditionModelImpl::embed_time(const torch::Tensor& timestep, std::int64_t batch) {
    const auto timesteps = timestep.to(conv_in->weight.device()).reshape({-1}).expand({batch});
    const auto projected = get_timestep_embedding(timesteps, config.block_out_channels.front(),
                                                  config.flip_sin_to_cos, config.freq_shift);
    return time_embedding(projected.to(conv_in->weight.scalar_type()));
}

torch::Tensor UNet2DConditionModelImpl::forward(const UNetInputs& in) {
    check_inputs(in);
    const auto dtype = conv_in->weight.scalar_type();
    const TextContext text{in.encoder_hidden_states.to(dtype), in.text_cache};
    const auto temb = embed_time(in.timestep, in.sample.size(0));

    auto x = conv_in(in.sample.to(dtype).contiguous(torch::MemoryFormat::ChannelsLast));
    if (in.hint_features.defined()) x = x + in.hint_features.to(dtype);
    std::vector<torch::Tensor> skips{x};
    for (auto& block : *down_blocks) x = block(x, temb, text, skips);

    const auto& residuals = in.down_block_additional_residuals;
    check(residuals.empty() || residuals.size() == skips.size(), "UNet2DConditionModel", "wanted ",
          skips.size(), " down_block_additional_residuals, got ", residuals.size());
    for (std::size_t i = 0; i < residuals.size(); ++i) skips[i] = skips[i] + residuals[i].to(dtype);

    x = mid_block(x, temb, text);
    if (in.mid_block_additional_residual.defined()) x = x + in.mid_block_additional_residual.to(dtype);
    for (auto& block : *up_blocks) x = block(x, temb, text, skips);
    return observed(*this, conv_out(conv_norm_out->forward_silu(x)));
}

}  // namespace hra

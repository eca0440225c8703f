// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "weights/ldm_layout.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <unordered_map>

#include "core/error.h"

namespace hra {
namespace {

constexpr std::string_view unet_prefix = "model.diffusion_model.";
constexpr std::string_view vae_prefix = "first_stage_model.";
constexpr std::string_view text_prefix = "cond_stage_model.transformer.";
constexpr std::string_view open_clip_prefix = "cond_stage_model.model.";
constexpr std::string_view ema_prefix = "model_ema.";

struct Names {
    std::string_view ldm, diffusers;
};

constexpr std::array<Names, 5> unet_ends{{{"time_embed.0", "time_embedding.linear_1"},
                                          {"time_embed.2", "time_embedding.linear_2"},
                                          {"input_blocks.0.0", "conv_in"},
                                          {"out.0", "conv_norm_out"},
                                          {"out.2", "conv_out"}}};
constexpr std::array<Names, 6> unet_resnet{{{"in_layers.0", "norm1"},
                                            {"in_layers.2", "conv1"},
                                            {"emb_layers.1", "time_emb_proj"},
                                            {"out_layers.0", "norm2"},
                                            {"out_layers.3", "conv2"},
                                            {"skip_connection", "conv_shortcut"}}};
// encoder and decoder alike
constexpr std::array<Names, 10> vae_half{{{"norm_out", "conv_norm_out"},
                                          {"mid.block_1", "mid_block.resnets.0"},
                                          {"mid.block_2", "mid_block.resnets.1"},
                                          {"mid.attn_1.norm", "mid_block.attentions.0.group_norm"},
                                          {"mid.attn_1.q", "mid_block.attentions.0.to_q"},
                                          {"mid.attn_1.k", "mid_block.attentions.0.to_k"},
                                          {"mid.attn_1.v", "mid_block.attentions.0.to_v"},
                                          {"mid.attn_1.proj_out", "mid_block.attentions.0.to_out.0"},
                                          {"mid.block_1.nin_shortcut", "mid_block.resnets.0.conv_shortcut"},
                                          {"mid.block_2.nin_shortcut", "mid_block.resnets.1.conv_shortcut"}}};
constexpr std::array<Names, 4> old_vae_attention{
    {{"query", "to_q"}, {"key", "to_k"}, {"value", "to_v"}, {"proj_attn", "to_out.0"}}};

void add_unet_resnet(ModuleTable& table, const std::string& ldm, const std::string& diffusers) {
    for (const auto& [from, to] : unet_resnet)
        table.push_back({concat(ldm, '.', from), concat(diffusers, '.', to)});
}

void add_vae_resnet(ModuleTable& table, const std::string& ldm, const std::string& diffusers) {
    table.push_back({ldm, diffusers});
    table.push_back({ldm + ".nin_shortcut", diffusers + ".conv_shortcut"});
}

void add_unet_level(ModuleTable& table, const LdmUNetShape& shape, int level) {
    const int layers = shape.layers_per_block;
    const bool attention = shape.has_attention[static_cast<std::size_t>(level)];
    const std::string down = concat("down_blocks.", level);
    for (int layer = 0; layer < layers; ++layer) {
        const std::string ldm = concat("input_blocks.", 1 + level * (layers + 1) + layer);
        add_unet_resnet(table, ldm + ".0", concat(down, ".resnets.", layer));
        if (attention) table.push_back({ldm + ".1", concat(down, ".attentions.", layer)});
    }
    if (level + 1 < shape.levels)
        table.push_back(
            {concat("input_blocks.", (level + 1) * (layers + 1), ".0.op"), down + ".downsamplers.0.conv"});

    const int block = shape.levels - 1 - level;  // up blocks count from the deepest level
    const std::string up = concat("up_blocks.", block);
    for (int layer = 0; layer <= layers; ++layer) {
        const std::string ldm = concat("output_blocks.", block * (layers + 1) + layer);
        add_unet_resnet(table, ldm + ".0", concat(up, ".resnets.", layer));
        if (attention) table.push_back({ldm + ".1", concat(up, ".attentions.", layer)});
    }
    if (level > 0)
        table.push_back(
            {concat("output_blocks.", block * (layers + 1) + layers, attention ? ".2.conv" : ".1.conv"),
             up + ".upsamplers.0.conv"});
}

bool starts_module(std::string_view name, std::string_view module) {
    return name.size() > module.size() && name.starts_with(module) && name[module.size()] == '.';
}

/// The number after `prefix`, if the name has both.
std::optional<int> number_after(std::string_view name, std::string_view prefix) {
    if (!name.starts_with(prefix)) return std::nullopt;
    int number = 0;
    const char* begin = name.data() + prefix.size();
    const auto result = std::from_chars(begin, name.data() + name.size(), number);
    constexpr int max_number = 100;  // keeps tables built from untrusted numbers small
    if (result.ec != std::errc() || number < 0 || number > max_number) return std::nullopt;
    return number;
}

/// How many numbers follow `prefix`: the largest one and 1.
int count_after(const StateDict& tensors, std::string_view prefix) {
    int count = 0;
    for (auto it = tensors.lower_bound(std::string(prefix)); it != tensors.end(); ++it) {
        if (!it->first.starts_with(prefix)) break;
        count = std::max(count, number_after(it->first, prefix).value_or(-1) + 1);
    }
    return count;
}

bool has_module(const StateDict& tensors, const std::string& module) {
    const auto it = tensors.lower_bound(module + '.');
    return it != tensors.end() && starts_module(it->first, module);
}

StateDict below(const StateDict& tensors, std::string_view prefix) {
    StateDict result;
    for (const auto& [name, tensor] : tensors)
        if (name.starts_with(prefix)) result.emplace(name.substr(prefix.size()), tensor);
    return result;
}

void insert_unique(StateDict& to, const std::string& name, const torch::Tensor& tensor,
                   std::string_view where) {
    check(to.emplace(name, tensor).second, where, "wanted one tensor for \"", name, "\", got two");
}

/// LDM names averaged weights after the parameter without its dots: `model_ema.diffusion_modelout0weight`.
StateDict averaged(const StateDict& tensors, const StateDict& unet, std::string_view where) {
    StateDict result;
    for (const auto& [name, tensor] : unet) {
        std::string flat = concat("diffusion_model", name);
        std::erase(flat, '.');
        const auto it = tensors.find(concat(ema_prefix, flat));
        check(it != tensors.end(), where, "wanted averaged (EMA) weights for \"", name, "\", got none");
        result.emplace(name, it->second);
    }
    return result;
}

StateDict text_encoder_of(const StateDict& tensors, std::string_view where) {
    for (const auto& [name, tensor] : tensors)
        check(!name.starts_with(open_clip_prefix), where,
              "wanted the text encoder of Stable Diffusion 1, got the one of version 2");
    StateDict result;
    for (const auto& [name, tensor] : below(tensors, text_prefix)) {
        // Some tools saved the inner model, without its own prefix.
        const bool is_inner = name.starts_with("embeddings.") || name.starts_with("encoder.") ||
                              name.starts_with("final_layer_norm.");
        insert_unique(result, is_inner ? "text_model." + name : name, tensor, where);
    }
    return result;
}

}  // namespace

ModuleTable ldm_unet_modules(const LdmUNetShape& shape) {
    ModuleTable table;
    for (const auto& [ldm, diffusers] : unet_ends)
        table.push_back({std::string(ldm), std::string(diffusers)});
    for (int level = 0; level < shape.levels; ++level) add_unet_level(table, shape, level);
    add_unet_resnet(table, "middle_block.0", "mid_block.resnets.0");
    table.push_back({"middle_block.1", "mid_block.attentions.0"});
    add_unet_resnet(table, "middle_block.2", "mid_block.resnets.1");
    return table;
}

ModuleTable ldm_vae_modules(const LdmVaeShape& shape) {
    ModuleTable table;
    for (const char* half : {"encoder.", "decoder."})
        for (const auto& [ldm, diffusers] : vae_half)
            table.push_back({concat(half, ldm), concat(half, diffusers)});
    for (int level = 0; level < shape.levels; ++level) {
        const std::string down = concat("encoder.down_blocks.", level);
        const std::string up = concat("decoder.up_blocks.", shape.levels - 1 - level);
        const std::string ldm_down = concat("encoder.down.", level), ldm_up = concat("decoder.up.", level);
        for (int layer = 0; layer < shape.layers_per_block; ++layer)
            add_vae_resnet(table, concat(ldm_down, ".block.", layer), concat(down, ".resnets.", layer));
        for (int layer = 0; layer <= shape.layers_per_block; ++layer)
            add_vae_resnet(table, concat(ldm_up, ".block.", layer), concat(up, ".resnets.", layer));
        table.push_back({ldm_down + ".downsample.conv", down + ".downsamplers.0.conv"});
        table.push_back({ldm_up + ".upsample.conv", up + ".upsamplers.0.conv"});
    }
    return table;
}

LdmUNetShape ldm_unet_shape(const StateDict& unet, std::string_view where) {
    const int blocks = count_after(unet, "input_blocks.");
    LdmUNetShape shape;
    shape.levels = 1;
    for (int i = 0; i < blocks; ++i) shape.levels += has_module(unet, concat("input_blocks.", i, ".0.op"));
    // conv_in, the resnets, and a downsampler after each level but the last
    check(blocks > shape.levels && blocks % shape.levels == 0, where, "wanted the input blocks of ",
          shape.levels, " equal levels, got ", blocks);
    shape.layers_per_block = blocks / shape.levels - 1;
    shape.has_attention.clear();
    for (int level = 0; level < shape.levels; ++level)
        shape.has_attention.push_back(
            has_module(unet, concat("input_blocks.", 1 + level * (shape.layers_per_block + 1), ".1.norm")));
    return shape;
}

LdmVaeShape ldm_vae_shape(const StateDict& vae, std::string_view where) {
    const LdmVaeShape shape{count_after(vae, "encoder.down."), count_after(vae, "encoder.down.0.block.")};
    check(shape.levels > 0 && shape.layers_per_block > 0, where,
          "wanted the VAE's names to begin with encoder.down.0.block.0, got none that do");
    return shape;
}

StateDict rename_modules(const StateDict& tensors, const ModuleTable& table, Direction direction,
                         std::string_view where) {
    std::unordered_map<std::string_view, std::string_view> names;
    for (const auto& [ldm, diffusers] : table) {
        if (direction == Direction::to_diffusers)
            names.emplace(ldm, diffusers);
        else
            names.emplace(diffusers, ldm);
    }
    StateDict result;
    for (const auto& [name, tensor] : tensors) {
        std::string renamed = name;
        for (auto dot = name.rfind('.'); dot != name.npos && dot > 0; dot = name.rfind('.', dot - 1)) {
            const auto it = names.find(std::string_view(name).substr(0, dot));
            if (it == names.end()) continue;
            renamed = concat(it->second, std::string_view(name).substr(dot));
            break;
        }
        insert_unique(result, renamed, tensor, where);
    }
    return result;
}

bool is_ldm_layout(const StateDict& tensors) {
    const auto it = tensors.lower_bound(std::string(unet_prefix));
    return it != tensors.end() && it->first.starts_with(unet_prefix);
}

LdmCheckpoint split_ldm_checkpoint(const StateDict& tensors, bool use_ema, std::string_view where) {
    StateDict unet = below(tensors, unet_prefix);
    const StateDict vae = below(tensors, vae_prefix);
    if (use_ema) unet = averaged(tensors, unet, where);

    LdmCheckpoint result;
    if (!unet.empty()) {
        const ModuleTable table = ldm_unet_modules(ldm_unet_shape(unet, where));
        result.unet = rename_modules(unet, table, Direction::to_diffusers, where);
    }
    if (!vae.empty()) {
        const ModuleTable table = ldm_vae_modules(ldm_vae_shape(vae, where));
        result.vae = modernize_vae(rename_modules(vae, table, Direction::to_diffusers, where), where);
    }
    result.text_encoder = text_encoder_of(tensors, where);
    for (const auto& [name, tensor] : tensors) {
        const bool is_component =
            name.starts_with(unet_prefix) || name.starts_with(vae_prefix) || name.starts_with(text_prefix);
        if (!is_component) result.other.emplace(name, tensor);
    }
    return result;
}

std::string ldm_component_of(std::string_view name) {
    constexpr std::array<Names, 6> components{{{unet_prefix, "unet"},
                                               {vae_prefix, "vae"},
                                               {text_prefix, "text_encoder"},
                                               {open_clip_prefix, "text_encoder"},
                                               {ema_prefix, "unet_ema"},
                                               {"control_model.", "control_model"}}};
    for (const auto& [prefix, component] : components)
        if (name.starts_with(prefix)) return std::string(component);
    return "other";
}

StateDict modernize_vae(const StateDict& vae, std::string_view where) {
    constexpr std::string_view attention = ".mid_block.attentions.0.";
    StateDict result;
    for (const auto& [name, tensor] : vae) {
        const auto found = name.find(attention);
        if (found == name.npos) {
            insert_unique(result, name, tensor, where);
            continue;
        }
        const auto layer = found + attention.size();
        std::string renamed = name;
        for (const auto& [old, current] : old_vae_attention)
            if (starts_module(std::string_view(name).substr(layer), old))
                renamed.replace(layer, old.size(), current);
        const bool is_convolution = tensor.dim() == 4 && tensor.size(2) == 1 && tensor.size(3) == 1;
        insert_unique(result, renamed, is_convolution ? tensor.flatten(1) : tensor, where);
    }
    return result;
}

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "weights/ldm_layout.h"

#include <gtest/gtest.h>

#include <torch/torch.h>

#include "core/error.h"
#include "support/fixtures.h"

namespace hra {
namespace {

StateDict named(const std::vector<std::string>& names) {
    StateDict result;
    for (const auto& name : names) result.emplace(name, torch::empty({0}));
    return result;
}

std::string diffusers_name(const ModuleTable& table, const std::string& ldm) {
    return rename_modules(named({ldm}), table, Direction::to_diffusers, "test").begin()->first;
}

// Pairs of Stable Diffusion v1.5, one or more of each kind of block.
TEST(LdmLayout, UNetNamesOfStableDiffusion15) {
    const ModuleTable table = ldm_unet_modules({});
    const std::vector<std::pair<std::string, std::string>> pairs{
        {"time_embed.0.weight", "time_embedding.linear_1.weight"},
        {"input_blocks.0.0.bias", "conv_in.bias"},
        {"input_blocks.1.0.in_layers.2.weight", "down_blocks.0.resnets.0.conv1.weight"},
        {"input_blocks.3.0.op.weight", "down_blocks.0.downsamplers.0.conv.weight"},
        {"input_blocks.4.0.skip_connection.weight", "down_blocks.1.resnets.0.conv_shortcut.weight"},
        {"input_blocks.5.1.transformer_blocks.0.attn2.to_k.weight",
         "down_blocks.1.attentions.1.transformer_blocks.0.attn2.to_k.weight"},
        {"input_blocks.11.0.out_layers.3.bias", "down_blocks.3.resnets.1.conv2.bias"},
        {"middle_block.1.proj_in.weight", "mid_block.attentions.0.proj_in.weight"},
        {"middle_block.2.emb_layers.1.weight", "mid_block.resnets.1.time_emb_proj.weight"},
        {"output_blocks.2.1.conv.weight", "up_blocks.0.upsamplers.0.conv.weight"},
        {"output_blocks.3.1.norm.weight", "up_blocks.1.attentions.0.norm.weight"},
        {"output_blocks.5.2.conv.bias", "up_blocks.1.upsamplers.0.conv.bias"},
        {"output_blocks.11.1.proj_out.weight", "up_blocks.3.attentions.2.proj_out.weight"},
        {"out.0.weight", "conv_norm_out.weight"},
        {"out.2.weight", "conv_out.weight"},
        {"output_blocks.4.1.transformer_blocks.0.attn1.to_q.hra_u",
         "up_blocks.1.attentions.1.transformer_blocks.0.attn1.to_q.hra_u"}};
    for (const auto& [ldm, diffusers] : pairs) EXPECT_EQ(diffusers_name(table, ldm), diffusers);
}

TEST(LdmLayout, VaeNamesOfStableDiffusion15) {
    const ModuleTable table = ldm_vae_modules({});
    const std::vector<std::pair<std::string, std::string>> pairs{
        {"encoder.conv_in.weight", "encoder.conv_in.weight"},
        {"encoder.down.1.block.0.nin_shortcut.weight",
         "encoder.down_blocks.1.resnets.0.conv_shortcut.weight"},
        {"encoder.down.2.downsample.conv.bias", "encoder.down_blocks.2.downsamplers.0.conv.bias"},
        {"encoder.mid.block_2.norm1.weight", "encoder.mid_block.resnets.1.norm1.weight"},
        {"decoder.mid.attn_1.proj_out.bias", "decoder.mid_block.attentions.0.to_out.0.bias"},
        {"decoder.up.3.block.2.conv1.weight", "decoder.up_blocks.0.resnets.2.conv1.weight"},
        {"decoder.up.1.upsample.conv.weight", "decoder.up_blocks.2.upsamplers.0.conv.weight"},
        {"decoder.norm_out.bias", "decoder.conv_norm_out.bias"},
        {"post_quant_conv.weight", "post_quant_conv.weight"}};
    for (const auto& [ldm, diffusers] : pairs) EXPECT_EQ(diffusers_name(table, ldm), diffusers);
}

TEST(LdmLayout, TablesAreOneToOne) {
    const LdmUNetShape odd{3, 1, {false, true, true}};
    for (const ModuleTable& table : {ldm_unet_modules({}), ldm_unet_modules(odd), ldm_vae_modules({})}) {
        StateDict ldm;
        for (const auto& names : table) ldm.emplace(names.ldm + ".weight", torch::empty({0}));
        EXPECT_EQ(ldm.size(), table.size());
        const StateDict there = rename_modules(ldm, table, Direction::to_diffusers, "test");
        const StateDict back = rename_modules(there, table, Direction::to_ldm, "test");
        ASSERT_EQ(back.size(), ldm.size());
        for (const auto& [name, tensor] : ldm) EXPECT_TRUE(back.contains(name)) << name;
    }
}

TEST(LdmLayout, TwoTensorsOfOneNameAreAnError) {
    EXPECT_ERROR(rename_modules(named({"out.0.weight", "conv_norm_out.weight"}), ldm_unet_modules({}),
                                Direction::to_diffusers, "test"),
                 "got two");
}

StateDict small_unet() {
    const ModuleTable table = ldm_unet_modules({2, 1, {true, false}});
    StateDict result;
    for (const auto& names : table)
        result.emplace(
            "model.diffusion_model." + names.ldm + (names.ldm.ends_with(".1") ? ".norm.weight" : ".weight"),
            torch::empty({0}));
    return result;
}

TEST(LdmLayout, ShapesAreReadOffTheNames) {
    const LdmCheckpoint parts = split_ldm_checkpoint(small_unet(), false, "test");
    EXPECT_TRUE(parts.unet.contains("down_blocks.0.attentions.0.norm.weight"));
    EXPECT_TRUE(parts.unet.contains("up_blocks.0.upsamplers.0.conv.weight"));
    EXPECT_TRUE(parts.unet.contains("up_blocks.1.attentions.1.norm.weight"));
    EXPECT_TRUE(parts.vae.empty());
    StateDict broken = small_unet();
    broken.emplace("model.diffusion_model.input_blocks.7.0.op.weight", torch::empty({0}));
    EXPECT_ERROR(split_ldm_checkpoint(broken, false, "test"), "input blocks");
}

TEST(LdmLayout, AveragedWeightsAreTakenWhenAskedFor) {
    StateDict tensors = small_unet();
    EXPECT_ERROR(split_ldm_checkpoint(tensors, true, "test"), "EMA");
    StateDict all = tensors;
    for (const auto& [name, tensor] : tensors) {
        std::string flat = name.substr(std::string_view("model.").size());
        std::erase(flat, '.');
        all["model_ema." + flat] = torch::ones({1});
    }
    all["model_ema.decay"] = torch::ones({});
    EXPECT_EQ(split_ldm_checkpoint(all, true, "test").unet.at("conv_out.weight").numel(), 1);
    EXPECT_EQ(split_ldm_checkpoint(all, false, "test").unet.at("conv_out.weight").numel(), 0);
    EXPECT_TRUE(split_ldm_checkpoint(all, false, "test").other.contains("model_ema.decay"));
}

TEST(LdmLayout, TextEncodersOfVersionOneOnly) {
    const auto inner = split_ldm_checkpoint(
        named({"cond_stage_model.transformer.encoder.layers.0.mlp.fc1.weight"}), false, "test");
    EXPECT_TRUE(inner.text_encoder.contains("text_model.encoder.layers.0.mlp.fc1.weight"));
    EXPECT_ERROR(split_ldm_checkpoint(named({"cond_stage_model.model.positional_embedding"}), false, "test"),
                 "version 2");
}

TEST(LdmLayout, OldVaeAttentionBecomesCurrent) {
    const std::string old = "decoder.mid_block.attentions.0.";
    const StateDict vae{{old + "query.weight", torch::ones({2, 2})},
                        {old + "proj_attn.bias", torch::ones({2})},
                        {old + "to_k.weight", torch::ones({2, 2, 1, 1})},
                        {old + "group_norm.weight", torch::ones({2})},
                        {"decoder.conv_in.weight", torch::ones({2, 2, 1, 1})}};
    const StateDict current = modernize_vae(vae, "test");
    EXPECT_TRUE(current.contains(old + "to_q.weight"));
    EXPECT_TRUE(current.contains(old + "to_out.0.bias"));
    EXPECT_EQ(current.at(old + "to_k.weight").dim(), 2);
    EXPECT_EQ(current.at("decoder.conv_in.weight").dim(), 4);
}

}  // namespace
}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Model configurations: defaults, and one clear error for each kind of mistake.
#include <gtest/gtest.h>

#include "core/error.h"
#include "models/autoencoder_kl.h"
#include "models/clip_text_model.h"
#include "models/unet_2d_condition.h"
#include "support/fixtures.h"

namespace hra {
namespace {

UNet2DConditionConfig unet(const char* json) {
    return UNet2DConditionConfig::from_json(Json::parse(json), "unet/config.json");
}
AutoencoderKLConfig vae(const char* json) {
    return AutoencoderKLConfig::from_json(Json::parse(json), "vae/config.json");
}
CLIPTextConfig text(const char* json) {
    return CLIPTextConfig::from_json(Json::parse(json), "text_encoder/config.json");
}

TEST(ModelConfig, AnEmptyFileIsStableDiffusion15) {
    EXPECT_EQ(unet("{}").block_out_channels, (std::vector<std::int64_t>{320, 640, 1280, 1280}));
    EXPECT_EQ(unet("{}").num_attention_heads, std::vector<std::int64_t>(4, 8));
    EXPECT_EQ(unet("{}").cross_attention_dim, 768);
    EXPECT_EQ(vae("{}").scaling_factor, 0.18215);
    EXPECT_EQ(vae("{}").downscale(), 8);
    EXPECT_EQ(text("{}").num_hidden_layers, 12);
}

TEST(ModelConfig, HeadsMayDifferFromBlockToBlock) {
    const auto config = unet(R"({"attention_head_dim": [5, 10, 20, 20], "use_linear_projection": true})");
    EXPECT_EQ(config.num_attention_heads, (std::vector<std::int64_t>{5, 10, 20, 20}));
    EXPECT_ERROR(unet(R"({"attention_head_dim": [5, 10]})"), "wanted one number or 4");
    EXPECT_ERROR(unet(R"({"attention_head_dim": 7})"), "the number of heads) to divide 320 channels, got 7");
    EXPECT_ERROR(unet(R"({"attention_head_dim": "x"})"), "attention_head_dim");
}

TEST(ModelConfig, UnknownKeysAreAllowedAndUnsupportedValuesAreNot) {
    EXPECT_NO_THROW(unet(R"({"something_new": 1, "class_embed_type": null, "mid_block_scale_factor": 1.0})"));
    EXPECT_ERROR(unet(R"({"class_embed_type": "timestep"})"), "\"class_embed_type\" null, got \"timestep\"");
    EXPECT_ERROR(unet(R"({"addition_embed_type": "text_time"})"), "addition_embed_type");
    EXPECT_ERROR(unet(R"({"down_block_types": ["DownBlock2D", "DownBlock2D", "DownBlock2D", "Odd"]})"),
                 "\"Odd\"");
    EXPECT_ERROR(vae(R"({"up_block_types": ["A", "B", "C", "D"]})"), "wanted only UpDecoderBlock2D");
    EXPECT_ERROR(vae(R"({"use_quant_conv": false})"), "use_quant_conv");
    EXPECT_ERROR(text(R"({"hidden_act": "relu"})"), "wanted quick_gelu or gelu");
}

TEST(ModelConfig, WrongNumbersNameTheirKey) {
    EXPECT_ERROR(unet(R"({"block_out_channels": []})"), "block_out_channels");
    EXPECT_ERROR(unet(R"({"block_out_channels": [320, 640, 1280, 33]})"), "multiples of 32");
    EXPECT_ERROR(unet(R"({"block_out_channels": [320, 640]})"), "wanted 2 names in \"down_block_types\"");
    EXPECT_ERROR(unet(R"({"in_channels": 0})"), "in_channels");
    EXPECT_ERROR(unet(R"({"norm_eps": -1})"), "norm_eps");
    EXPECT_ERROR(unet(R"({"layers_per_block": 1000000})"), "layers_per_block");
    EXPECT_ERROR(unet("[]"), "wanted a JSON object");
    EXPECT_ERROR(vae(R"({"scaling_factor": 0})"), "scaling_factor");
    EXPECT_ERROR(text(R"({"hidden_size": 10, "num_attention_heads": 3})"), "divisible by 3");
    EXPECT_ERROR(text(R"({"vocab_size": "many"})"), "vocab_size");
}

}  // namespace
}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Names, shapes and configs of whole models against diffusers' own. The cases are the fixtures that are
// there.
#include <gtest/gtest.h>

#include <torch/torch.h>

#include "core/error.h"
#include "core/files.h"
#include "support/fixtures.h"
#include "weights/ldm_layout.h"
#include "weights/model_folder.h"

namespace hra {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> present(const std::vector<std::string>& fixtures) {
    std::vector<std::string> result;
    for (const auto& name : fixtures)
        if (test::has_fixture(name)) result.push_back(name);
    return result;
}

std::string case_name(const ::testing::TestParamInfo<std::string>& info) {
    return test::test_name(info.param);
}

void expect_keys(const StateDict& actual, const StateDict& expected) {
    for (const auto& [name, tensor] : expected) EXPECT_TRUE(actual.contains(name)) << "missing " << name;
    for (const auto& [name, tensor] : actual) EXPECT_TRUE(expected.contains(name)) << "unexpected " << name;
}

// ---- LDM names, there and back, of models in diffusers' layout ----

class DiffusersUNet : public ::testing::TestWithParam<std::string> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DiffusersUNet);

TEST_P(DiffusersUNet, NamesGoToLdmAndBack) {
    const fs::path folder = test::fixture(GetParam());
    const StateDict unet = read_weights(folder, "diffusion_pytorch_model", "");
    const Json config = read_json(folder / "config.json");
    LdmUNetShape shape{
        static_cast<int>(config.at("down_block_types").size()), config.at("layers_per_block"), {}};
    for (const auto& type : config.at("down_block_types"))
        shape.has_attention.push_back(type != "DownBlock2D");
    const StateDict ldm = rename_modules(unet, ldm_unet_modules(shape), Direction::to_ldm, "test");
    StateDict checkpoint;
    for (const auto& [name, tensor] : ldm) {
        EXPECT_TRUE(name.starts_with("input_blocks.") || name.starts_with("middle_block.") ||
                    name.starts_with("output_blocks.") || name.starts_with("time_embed.") ||
                    name.starts_with("out."))
            << name;
        checkpoint.emplace("model.diffusion_model." + name, tensor);
    }
    expect_keys(split_ldm_checkpoint(checkpoint, false, "test").unet, unet);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, DiffusersUNet, ::testing::ValuesIn(present({"unet", "pipeline/unet"})),
                         case_name);

class DiffusersVae : public ::testing::TestWithParam<std::string> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DiffusersVae);

TEST_P(DiffusersVae, NamesGoToLdmAndBack) {
    const fs::path folder = test::fixture(GetParam());
    const StateDict vae = modernize_vae(read_weights(folder, "diffusion_pytorch_model", ""), "test");
    const Json config = read_json(folder / "config.json");
    const LdmVaeShape shape{static_cast<int>(config.at("down_block_types").size()),
                            config.at("layers_per_block")};
    StateDict checkpoint;
    for (const auto& [name, tensor] :
         rename_modules(vae, ldm_vae_modules(shape), Direction::to_ldm, "test")) {
        EXPECT_EQ(name.find("_block"), name.npos) << name;  // the mark of diffusers' names
        checkpoint.emplace("first_stage_model." + name, tensor);
    }
    expect_keys(split_ldm_checkpoint(checkpoint, false, "test").vae, vae);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, DiffusersVae, ::testing::ValuesIn(present({"vae", "pipeline/vae"})),
                         case_name);

// ---- A whole diffusers folder ----

class DiffusersFolder : public ::testing::TestWithParam<std::string> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DiffusersFolder);

TEST_P(DiffusersFolder, GivesConfigsWeightsAndTokenizer) {
    const auto model = ModelFolder::open(test::fixture(GetParam()));
    EXPECT_FALSE(model.is_single_file());
    EXPECT_EQ(model.config(Component::unet).at("_class_name"), "UNet2DConditionModel");
    EXPECT_TRUE(model.scheduler_config().contains("beta_start"));
    EXPECT_EQ(model.tokenizer(), test::fixture(GetParam()) / "tokenizer");
    EXPECT_TRUE(model.weights(Component::unet).contains("conv_in.weight"));
    EXPECT_TRUE(model.weights(Component::vae).contains("decoder.mid_block.attentions.0.to_out.0.weight"));
    EXPECT_TRUE(model.weights(Component::text_encoder).contains("text_model.final_layer_norm.weight"));
}

INSTANTIATE_TEST_SUITE_P(Fixtures, DiffusersFolder, ::testing::ValuesIn(present({"pipeline"})), case_name);

// ---- A single file in LDM's layout ----

class LdmFile : public ::testing::TestWithParam<std::string> {
protected:
    /// A folder that has the file and the configs, as a person would lay them out.
    LdmFile() {
        const fs::path from = test::fixture(GetParam());
        fs::create_symlink(from / "model.ckpt", folder_.path() / "model.ckpt");
        copy(from / "unet_config_diffusers.json", "unet");
        copy(from / "vae_config_diffusers.json", "vae");
        copy(from / "text_config.json", "text_encoder");
    }
    void copy(const fs::path& from, const std::string& component) {
        configs_[component] = read_json(from);
        write_file(folder_.path() / "configs" / component / "config.json", read_file(from));
    }
    ModelFolder open(const ModelOptions& options = {}) const {
        return ModelFolder::open(folder_.path() / "model.ckpt", options);
    }

    test::TemporaryFolder folder_;
    std::map<std::string, Json> configs_;
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(LdmFile);

TEST_P(LdmFile, ConfigsAreInferredWhereShapesTell) {
    const auto model = open();
    const Json unet = model.config(Component::unet), vae = model.config(Component::vae);
    for (const auto& [key, value] : configs_["unet"].items()) {
        // Neither is in the weights: these are Stable Diffusion v1.5's.
        if (key == "attention_head_dim" || key == "sample_size") continue;
        EXPECT_EQ(unet.value(key, Json()), value) << key;
    }
    EXPECT_EQ(unet.at("attention_head_dim"), 8);
    for (const auto& [key, value] : configs_["vae"].items()) {
        if (key == "sample_size") continue;
        EXPECT_EQ(vae.value(key, Json()), value) << key;
    }
    EXPECT_ERROR(model.config(Component::text_encoder), "config folder");
    EXPECT_EQ(model.scheduler_config().at("prediction_type"), "epsilon");
    EXPECT_ERROR(model.tokenizer(), "--tokenizer");
}

TEST_P(LdmFile, GivenConfigsReplaceInferredOnes) {
    const auto model = open({.config = folder_.path() / "configs"});
    for (const Component component : {Component::unet, Component::vae, Component::text_encoder}) {
        const Json config = model.config(component);
        for (const auto& [key, value] : configs_[component_name(component)].items())
            EXPECT_EQ(config.at(key), value) << component_name(component) << ' ' << key;
    }
}

TEST_P(LdmFile, WeightsHaveTheNamesAndShapesOfTheConfig) {
    const auto model = open({.config = folder_.path() / "configs"});
    const StateDict unet = model.weights(Component::unet), vae = model.weights(Component::vae);
    const StateDict text = model.weights(Component::text_encoder);
    const Json config = model.config(Component::unet);
    const auto& widths = config.at("block_out_channels");
    const int layers = config.at("layers_per_block"), levels = static_cast<int>(widths.size());
    for (int level = 0; level < levels; ++level) {
        const std::string up = concat("up_blocks.", level, ".");
        EXPECT_EQ(unet.at(concat("down_blocks.", level, ".resnets.0.conv1.weight")).size(0),
                  widths[static_cast<std::size_t>(level)]);
        EXPECT_EQ(unet.at(concat(up, "resnets.", layers, ".conv2.weight")).size(0),
                  widths[static_cast<std::size_t>(levels - 1 - level)]);
        EXPECT_EQ(unet.contains(up + "upsamplers.0.conv.weight"), level + 1 < levels);
        EXPECT_EQ(unet.contains(up + "attentions.0.norm.weight"),
                  config.at("up_block_types")[static_cast<std::size_t>(level)] != "UpBlock2D");
        EXPECT_EQ(vae.contains(concat("decoder.", up, "upsamplers.0.conv.weight")), level + 1 < levels);
    }
    for (const auto& [name, tensor] : unet) EXPECT_EQ(name.find("put_blocks"), name.npos) << name;
    for (const char* half : {"encoder", "decoder"})
        EXPECT_EQ(vae.at(concat(half, ".mid_block.attentions.0.to_q.weight")).dim(), 2);
    EXPECT_EQ(text.at("text_model.embeddings.token_embedding.weight").size(0),
              model.config(Component::text_encoder).at("vocab_size"));
}

INSTANTIATE_TEST_SUITE_P(Fixtures, LdmFile, ::testing::ValuesIn(present({"ldm_hint"})), case_name);

}  // namespace
}  // namespace hra

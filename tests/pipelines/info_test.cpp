// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "pipelines/info/info.h"

#include <gtest/gtest.h>

#include <torch/torch.h>

#include "core/error.h"
#include "core/files.h"
#include "image/png.h"
#include "support/fixtures.h"
#include "weights/safetensors.h"

namespace hra {
namespace {

InfoResult info(const std::filesystem::path& path) {
    return run(InfoOptions{path.string()});
}

TEST(Info, SingleFilesAreTakenApartByComponent) {
    const test::TemporaryFolder folder;
    const auto file = folder.path() / "model.safetensors";
    write_safetensors(file,
                      {{"model.diffusion_model.out.0.weight", torch::zeros({8}, torch::kHalf)},
                       {"first_stage_model.quant_conv.bias", torch::zeros({2})},
                       {"cond_stage_model.transformer.text_model.embeddings.position_ids",
                        torch::zeros({1, 7}, torch::kLong)},
                       {"model_ema.decay", torch::zeros({})}},
                      {{"title", "small"}});
    const InfoResult result = info(file);
    EXPECT_EQ(result.kind, InfoKind::ldm_checkpoint);
    EXPECT_EQ(result.format, "safetensors");
    EXPECT_EQ(result.metadata.at("title"), "small");
    ASSERT_EQ(result.components.size(), 4U);
    EXPECT_EQ(result.components[1].name, "unet");
    EXPECT_EQ(result.components[1].parameters, 8);
    EXPECT_EQ(result.components[1].bytes, 16);
    EXPECT_EQ(result.components[1].dtypes.at("float16"), 1);
    EXPECT_EQ(result.components[0].name, "text_encoder");
    EXPECT_EQ(result.components[0].parameters, 0);
    EXPECT_NE(format(result).find("LDM checkpoint, safetensors"), std::string::npos);
    EXPECT_EQ(to_json(result).at("components").size(), 4U);
}

TEST(Info, AdapterFoldersSayWhatTheyAdapt) {
    const test::TemporaryFolder folder;
    write_file(folder.path() / "adapter_config.json",
               R"({"peft_type": "HRA", "r": 8, "target_modules": ["to_q"]})");
    write_safetensors(folder.path() / "adapter_model.safetensors", {{"a.hra_u", torch::zeros({4, 8})}});
    const InfoResult result = info(folder.path());
    EXPECT_EQ(result.kind, InfoKind::adapter_folder);
    EXPECT_EQ(result.metadata.at("r"), "8");
    EXPECT_EQ(result.metadata.at("target_modules"), "[\"to_q\"]");
    EXPECT_EQ(result.components.at(0).parameters, 32);
}

TEST(Info, PicturesAreTheImageLayersToRead) {
    const test::TemporaryFolder folder;
    save_png(folder.path() / "a.png", Image(2, 2, 3), {{"parameters", "a cat"}});
    EXPECT_EQ(info(folder.path() / "a.png").kind, InfoKind::png);
    EXPECT_EQ(info(folder.path() / "a.png").metadata.at("parameters"), "a cat");
}

TEST(Info, WhatIsNothingKnownIsAnError) {
    const test::TemporaryFolder folder;
    EXPECT_ERROR(info(folder.path()), "model_index.json");
    EXPECT_ERROR(info(folder.path() / "none"), "nothing there");
    write_file(folder.path() / "text.txt", "hello");
    EXPECT_ERROR(info(folder.path() / "text.txt"), "text.txt");
    write_file(folder.path() / "empty", "");
    EXPECT_ERROR(info(folder.path() / "empty"), "empty");
}

}  // namespace
}  // namespace hra

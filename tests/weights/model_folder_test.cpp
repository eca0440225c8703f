// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "weights/model_folder.h"

#include <gtest/gtest.h>

#include <torch/torch.h>

#include "core/error.h"
#include "core/files.h"
#include "support/fixtures.h"
#include "weights/safetensors.h"

namespace hra {
namespace {

namespace fs = std::filesystem;

constexpr const char* stem = "diffusion_pytorch_model";

void write_one(const fs::path& file, float value) {
    write_safetensors(file, {{"w", torch::full({1}, value)}});
}

float value_in(const fs::path& folder, const std::string& variant = "") {
    return read_weights(folder, stem, variant).at("w").item<float>();
}

TEST(ReadWeights, PrefersFullPrecisionAndSafetensors) {
    const test::TemporaryFolder folder;
    // A .bin file may hold safetensors: the content decides.
    write_one(folder.path() / "diffusion_pytorch_model.bin", 1);
    EXPECT_EQ(value_in(folder.path()), 1);
    write_one(folder.path() / "diffusion_pytorch_model.fp16.safetensors", 2);
    EXPECT_EQ(value_in(folder.path()), 2);
    write_one(folder.path() / "diffusion_pytorch_model.safetensors", 3);
    EXPECT_EQ(value_in(folder.path()), 3);
    EXPECT_EQ(value_in(folder.path(), "fp16"), 2);
    EXPECT_ERROR(value_in(folder.path(), "ema"), "diffusion_pytorch_model.ema.safetensors");
}

TEST(ReadWeights, ShardsAreJoinedAndChecked) {
    const test::TemporaryFolder folder;
    const auto shard = [&](int n) { return concat(stem, "-0000", n, "-of-00002.safetensors"); };
    const auto index = [&](const Json& map) {
        write_file(folder.path() / concat(stem, ".safetensors.index.json"), Json{{"weight_map", map}}.dump());
    };
    write_safetensors(folder.path() / shard(1), {{"a", torch::ones({1})}});
    write_safetensors(folder.path() / shard(2), {{"b", torch::ones({1})}});
    index({{"a", shard(1)}, {"b", shard(2)}});
    EXPECT_EQ(read_weights(folder.path(), stem, "").size(), 2U);
    index({{"a", shard(1)}, {"b", shard(2)}, {"c", shard(2)}});
    EXPECT_ERROR(read_weights(folder.path(), stem, ""), "\"c\"");
    index({{"a", "../outside.safetensors"}});
    EXPECT_ERROR(read_weights(folder.path(), stem, ""), "wanted a file name");
    index({{"a", shard(3)}});
    EXPECT_ERROR(read_weights(folder.path(), stem, ""), shard(3));
    write_safetensors(folder.path() / shard(2), {{"a", torch::ones({1})}});
    index({{"a", shard(1)}, {"b", shard(2)}});
    EXPECT_ERROR(read_weights(folder.path(), stem, ""), "got it in two");
}

TEST(ModelFolder, WhatIsNoModelIsNamed) {
    const test::TemporaryFolder folder;
    EXPECT_ERROR(ModelFolder::open(folder.path() / "none"), "got nothing there");
    EXPECT_ERROR(ModelFolder::open(folder.path()), "model_index.json");
    write_one(folder.path() / "other.safetensors", 1);
    EXPECT_ERROR(ModelFolder::open(folder.path() / "other.safetensors"), "model.diffusion_model");
}

TEST(ModelFolder, TheTokenizerIsFoundBesideTheModelOrAskedFor) {
    const test::TemporaryFolder folder, other;
    write_file(folder.path() / "model_index.json", "{}");
    EXPECT_ERROR(ModelFolder::open(folder.path()).tokenizer(), "--tokenizer");
    for (const fs::path& place : {folder.path(), folder.path() / "tokenizer", other.path()}) {
        write_file(place / "vocab.json", "{}");
        write_file(place / "merges.txt", "");
        const bool is_other = place == other.path();
        const auto model = ModelFolder::open(folder.path(), {.tokenizer = is_other ? place : fs::path()});
        EXPECT_EQ(model.tokenizer(), place);
    }
    EXPECT_ERROR(ModelFolder::open(folder.path(), {.tokenizer = folder.path() / "no"}).tokenizer(),
                 "vocab.json");
}

}  // namespace
}  // namespace hra

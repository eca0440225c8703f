// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// A single file in CompVis/LDM layout gives the picture of the folder that it was made from.
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "pipelines/tiny_model.h"
#include "weights/ldm_layout.h"
#include "weights/model_folder.h"
#include "weights/safetensors.h"

namespace hra {
namespace {

namespace fs = std::filesystem;

void add_prefixed(const StateDict& from, const std::string& prefix, StateDict& to) {
    for (const auto& [name, tensor] : from) to[prefix + name] = tensor;
}

/// Writes the tiny folder model as model.safetensors in LDM layout, its configs and vocabulary beside it.
fs::path write_single_file(const fs::path& folder) {
    const fs::path model = test::tiny_model();
    const auto source = ModelFolder::open(model);
    const Json unet = source.config(Component::unet), vae = source.config(Component::vae);
    LdmUNetShape shape{
        static_cast<int>(unet.at("block_out_channels").size()), unet.at("layers_per_block").get<int>(), {}};
    for (const auto& type : unet.at("down_block_types"))
        shape.has_attention.push_back(type.get<std::string>().starts_with("CrossAttn"));
    const LdmVaeShape vae_shape{static_cast<int>(vae.at("block_out_channels").size()),
                                vae.at("layers_per_block").get<int>()};
    StateDict all;
    add_prefixed(
        rename_modules(source.weights(Component::unet), ldm_unet_modules(shape), Direction::to_ldm, "test"),
        "model.diffusion_model.", all);
    add_prefixed(
        rename_modules(source.weights(Component::vae), ldm_vae_modules(vae_shape), Direction::to_ldm, "test"),
        "first_stage_model.", all);
    add_prefixed(source.weights(Component::text_encoder), "cond_stage_model.transformer.", all);
    write_safetensors(folder / "model.safetensors", all);
    for (const char* part : {"unet/config.json", "vae/config.json", "text_encoder/config.json"}) {
        fs::create_directories((folder / part).parent_path());
        fs::copy_file(model / part, folder / part);
    }
    fs::copy(model / "tokenizer", folder / "tokenizer");
    return folder / "model.safetensors";
}

TEST(SingleFile, GivesThePictureOfTheFolderItWasMadeFrom) {
    const test::TemporaryFolder folder;
    GenerateOptions options = test::tiny_options(folder.path() / "out");
    const auto wanted = generate(options).images.at(0).picture;
    options.model = write_single_file(folder.path()).string();
    EXPECT_EQ(generate(options).images.at(0).picture.pixels, wanted.pixels);
}

TEST(SingleFile, WithoutAVocabularySaysHowToGetOne) {
    const test::TemporaryFolder folder;
    GenerateOptions options = test::tiny_options(folder.path() / "out");
    options.model = write_single_file(folder.path()).string();
    fs::permissions(folder.path() / "tokenizer", fs::perms::owner_all);
    fs::remove_all(folder.path() / "tokenizer");
    EXPECT_ERROR(generate(options), "tokenizer");
    options.tokenizer = test::tiny_model() + "/tokenizer";
    EXPECT_EQ(generate(options).images.size(), 1u);
}

}  // namespace
}  // namespace hra

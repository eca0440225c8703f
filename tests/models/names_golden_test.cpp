// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The parameters' names and shapes are the checkpoints' names and shapes.
#include <gtest/gtest.h>

#include "models/fixture_models.h"

namespace hra {
namespace {

template <class Load>
void expect_same_names(const std::string& class_name, const Load& load) {
    const auto folders = test::model_folders(class_name);
    EXPECT_FALSE(folders.empty());
    for (const auto& folder : folders) {
        const auto parameters = test::parameters_of(*load(folder));
        const auto tensors = test::checkpoint(folder);
        for (const auto& [name, tensor] : tensors) {
            ASSERT_EQ(parameters.count(name), 1u) << folder << ' ' << name;
            EXPECT_EQ(parameters.at(name).sizes(), tensor.sizes()) << folder << ' ' << name;
        }
        for (const auto& [name, parameter] : parameters) {
            EXPECT_EQ(tensors.count(name), 1u) << folder << ' ' << name;
            EXPECT_FALSE(parameter.requires_grad()) << folder << ' ' << name;
        }
    }
}

TEST(Names, UNetMatchesItsCheckpoints) {
    expect_same_names("UNet2DConditionModel", test::load_unet);
}

TEST(Names, VaeMatchesItsCheckpoints) {
    expect_same_names("AutoencoderKL", test::load_vae);
}

TEST(Names, TextModelMatchesItsCheckpoints) {
    expect_same_names("CLIPTextModel", test::load_text_model);
}

}  // namespace
}  // namespace hra

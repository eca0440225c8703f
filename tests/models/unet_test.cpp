// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// What a UNet does with its optional inputs, on a small one with random weights.
#include <gtest/gtest.h>

#include <torch/torch.h>

#include "core/error.h"
#include "models/unet_2d_condition.h"
#include "support/expect_close.h"
#include "support/fixtures.h"
#include "support/modules.h"

namespace hra {
namespace {

constexpr test::Tolerance tolerance{2e-5};              // float32; outputs of size 1 through some 60 layers
constexpr test::Tolerance bfloat16_tolerance{0, 0.08};  // some 60 layers of 0.4 % roundings

class SmallUNet : public ::testing::Test {
protected:
    void SetUp() override {
        UNet2DConditionConfig config;
        config.block_out_channels = {16, 24, 32, 32};
        config.norm_num_groups = 8;
        config.num_attention_heads = {4, 4, 4, 4};
        config.cross_attention_dim = 12;
        config.layers_per_block = 1;
        unet = UNet2DConditionModel(config);
        test::randomize(*unet, 21);
        inputs = {.sample = torch::randn({2, 4, 12, 20}),
                  .timestep = torch::tensor(500),
                  .encoder_hidden_states = torch::randn({2, 7, 12})};
    }

    const torch::NoGradGuard no_grad;
    UNet2DConditionModel unet{nullptr};
    UNetInputs inputs;
};

/// A hint that is constant in space is a change of conv_in's bias, which reaches the skip connection too.
TEST_F(SmallUNet, HintFeaturesEnterBeforeTheFirstSkipConnection) {
    const auto hint = torch::randn({16});
    inputs.hint_features = hint.view({1, 16, 1, 1}).expand({2, 16, 12, 20});
    const auto actual = unet(inputs);
    inputs.hint_features = torch::Tensor();
    const auto without = unet(inputs);
    unet->conv_in->bias.add_(hint);
    EXPECT_CLOSE(actual, unet(inputs), tolerance);
    EXPECT_FALSE(test::close(actual, without, tolerance));
}

TEST_F(SmallUNet, TimeStepsMayBeScalarsListsIntegersOrFloats) {
    const auto expected = unet(inputs);
    for (const auto& timestep : {torch::tensor({500}), torch::tensor({500, 500}), torch::tensor(500.0f)}) {
        inputs.timestep = timestep;
        EXPECT_CLOSE(unet(inputs), expected, tolerance);
    }
}

TEST_F(SmallUNet, LinearProjectionsWithTheSameWeightsGiveTheSame) {
    const auto expected = unet(inputs);
    auto config = unet->config;
    config.use_linear_projection = true;
    UNet2DConditionModel other(config);
    auto parameters = test::parameters_of(*unet);
    for (auto& [name, parameter] : parameters)
        if (name.find(".proj_in.weight") != std::string::npos ||
            name.find(".proj_out.weight") != std::string::npos)
            parameter = parameter.flatten(1);
    test::load_parameters(*other, parameters);
    EXPECT_CLOSE(other(inputs), expected, tolerance);
}

TEST_F(SmallUNet, ActivationsAreChannelsLast) {
    for (const auto& [name, output] : test::activations(*unet, [&] { unet(inputs); }))
        if (output.dim() == 4) {
            EXPECT_TRUE(output.is_contiguous(torch::MemoryFormat::ChannelsLast)) << name;
        }
}

TEST_F(SmallUNet, RunsInBfloat16) {
    const auto expected = unet(inputs);
    unet->to(torch::kBFloat16);
    const auto actual = unet(inputs);
    EXPECT_EQ(actual.scalar_type(), torch::kBFloat16);
    EXPECT_CLOSE(actual, expected, bfloat16_tolerance);
}

TEST_F(SmallUNet, WrongInputsAreNamed) {
    auto wrong = inputs;
    wrong.sample = torch::randn({2, 5, 8, 8});
    EXPECT_ERROR(unet(wrong), "wanted a sample [batch, 4, height, width], got [2, 5, 8, 8]");
    wrong = inputs;
    wrong.encoder_hidden_states = torch::randn({1, 7, 12});
    EXPECT_ERROR(unet(wrong), "wanted encoder_hidden_states [2, length, 12]");
    wrong = inputs;
    wrong.timestep = torch::tensor({1, 2, 3});
    EXPECT_ERROR(unet(wrong), "wanted one time step or 2");
    wrong = inputs;
    wrong.down_block_additional_residuals = {torch::zeros({1})};
    EXPECT_ERROR(unet(wrong), "down_block_additional_residuals, got 1");
}

TEST(UNet, OfFullSizeCostsNothingToConstruct) {
    const UNet2DConditionModel unet{UNet2DConditionConfig{}};
    std::int64_t parameters = 0;
    for (const auto& parameter : unet->parameters()) parameters += parameter.numel();
    EXPECT_EQ(parameters, 859'520'964);  // as published for Stable Diffusion v1
}

}  // namespace
}  // namespace hra

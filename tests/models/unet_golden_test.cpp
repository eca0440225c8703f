// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The UNet against diffusers: outputs, inner activations, ControlNet residuals.
#include <gtest/gtest.h>

#include <torch/torch.h>

#include "models/fixture_models.h"
#include "support/expect_close.h"

namespace hra {
namespace {

constexpr test::Tolerance tolerance{1e-4};  // the original differs from its own float64 run by up to 3.8e-6

/// The golden tensors whose names start with `prefix`, under the rest of their names.
StateDict below(const StateDict& tensors, const std::string& prefix) {
    StateDict found;
    for (const auto& [name, tensor] : tensors)
        if (name.starts_with(prefix)) found[name.substr(prefix.size())] = tensor;
    return found;
}

UNetInputs inputs_of(const StateDict& values) {
    return {.sample = values.at("sample"),
            .timestep = values.at("timestep"),
            .encoder_hidden_states = values.at("encoder_hidden_states")};
}

/// The parameter is a fixture folder with a UNet and its cases. The copy in the repository has none, for its
/// size: there the UNet is judged by the pipeline's and the ControlNet's fixtures.
class UNetGolden : public ::testing::TestWithParam<std::string> {};

std::vector<std::string> unet_fixtures() {
    return test::has_fixture("unet") ? std::vector<std::string>{"unet"} : std::vector<std::string>{};
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(UNetGolden);
INSTANTIATE_TEST_SUITE_P(Fixtures, UNetGolden, ::testing::ValuesIn(unet_fixtures()));

TEST_P(UNetGolden, OutputsOfAllCases) {
    const torch::NoGradGuard no_grad;
    auto unet = test::load_unet(GetParam());
    const auto expected = test::golden(GetParam() + "/golden.safetensors");
    for (const auto& name : test::case_names(expected, '.')) {
        const auto values = below(expected, name + '.');
        EXPECT_CLOSE(unet(inputs_of(values)), values.at("out"), tolerance) << name;
    }
}

TEST_P(UNetGolden, KeptKeysAndValuesChangeNothing) {
    const torch::NoGradGuard no_grad;
    auto unet = test::load_unet(GetParam());
    const auto expected = test::golden(GetParam() + "/golden.safetensors");
    for (const auto& name : test::case_names(expected, '.')) {
        const auto values = below(expected, name + '.');
        CrossAttentionCache cache;
        auto inputs = inputs_of(values);
        inputs.text_cache = &cache;
        for (int evaluation = 0; evaluation < 2; ++evaluation)
            EXPECT_CLOSE(unet(inputs), values.at("out"), tolerance) << name;
        EXPECT_FALSE(cache.entries.empty());
    }
}

TEST_P(UNetGolden, InnerActivations) {
    const torch::NoGradGuard no_grad;
    auto unet = test::load_unet(GetParam());
    const auto& config = unet->config;
    const auto expected = test::golden(GetParam() + "/golden.safetensors");
    std::size_t compared = 0;
    for (const auto& name : test::case_names(expected, '.')) {
        const auto inner = below(expected, name + ".inner.");
        if (inner.empty()) continue;
        const auto inputs = inputs_of(below(expected, name + '.'));
        auto actual = test::activations(*unet, [&] { unet(inputs); });
        // Two that the model computes by functions, without a module of their own.
        actual["time_proj"] = get_timestep_embedding(inputs.timestep, config.block_out_channels.front(),
                                                     config.flip_sin_to_cos, config.freq_shift);
        const auto last = "up_blocks." + std::to_string(unet->up_blocks->size() - 1);
        actual["conv_norm_out"] = unet->conv_norm_out(actual.at(last));
        for (const auto& [module, tensor] : inner) {
            ASSERT_EQ(actual.count(module), 1u) << module;
            EXPECT_CLOSE(actual.at(module), tensor, tolerance) << name << ' ' << module;
            ++compared;
        }
    }
    EXPECT_GT(compared, 0u);
}

/// The ControlNet fixture was made with the pipeline's UNet.
TEST_P(UNetGolden, ControlNetResiduals) {
    const torch::NoGradGuard no_grad;
    auto unet = test::load_unet("pipeline/unet");
    const auto expected = test::golden("controlnet/golden.safetensors");
    for (const auto& name : test::case_names(expected, '.')) {
        const auto values = below(expected, name + '.');
        auto inputs = inputs_of(values);
        EXPECT_CLOSE(unet(inputs), values.at("unet_out_without"), tolerance) << name;
        inputs.mid_block_additional_residual = values.at("mid");
        for (std::size_t i = 0; i < below(values, "down.").size(); ++i)
            inputs.down_block_additional_residuals.push_back(values.at("down." + std::to_string(i)));
        EXPECT_CLOSE(unet(inputs), values.at("unet_out"), tolerance) << name;
    }
}

}  // namespace
}  // namespace hra

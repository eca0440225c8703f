// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The text encoder against openai/CLIP.
#include <gtest/gtest.h>

#include <torch/torch.h>

#include "models/fixture_models.h"
#include "support/expect_close.h"

namespace hra {
namespace {

constexpr test::Tolerance tolerance{1e-4};  // the original differs from its own float64 run by 2.4e-6

class ClipTextGolden : public ::testing::Test {
protected:
    void SetUp() override {
        model = test::load_text_model("clip_text");
        expected = test::golden("clip_text/golden.safetensors");
    }

    const torch::NoGradGuard no_grad;
    CLIPTextModel model{nullptr};
    StateDict expected;
};

TEST_F(ClipTextGolden, LastHiddenStateAndPooledOutput) {
    const auto out = model(expected.at("input_ids"));
    EXPECT_CLOSE(out.last_hidden_state, expected.at("last_hidden_state"), tolerance);
    EXPECT_CLOSE(out.pooled, expected.at("pooled"), tolerance);
}

TEST_F(ClipTextGolden, HiddenStatesOfAllLayers) {
    const auto out = model(expected.at("input_ids"));
    const std::string prefix = "hidden_states.";
    for (const auto& [name, tensor] : expected) {
        if (!name.starts_with(prefix)) continue;
        const auto layer = std::stoul(name.substr(prefix.size()));
        ASSERT_LT(layer, out.hidden_states.size());
        EXPECT_CLOSE(out.hidden_states[layer], tensor, tolerance) << name;
    }
}

TEST_F(ClipTextGolden, SkippingTheLastLayerIsClipSkipTwo) {
    const auto out = model(expected.at("input_ids"), 1);
    EXPECT_CLOSE(out.last_hidden_state, expected.at("clip_skip_2"), tolerance);
}

TEST_F(ClipTextGolden, FewerTokensThanTheModelHasPositions) {
    const auto out = model(expected.at("short.input_ids"));
    EXPECT_CLOSE(out.last_hidden_state, expected.at("short.last_hidden_state"), tolerance);
}

TEST(PipelineTextGolden, PromptAndNegativeEmbeddings) {
    const torch::NoGradGuard no_grad;
    const auto model = test::load_text_model("pipeline/text_encoder");
    const auto expected = test::golden("pipeline/golden.safetensors");
    for (const std::string kind : {"prompt", "negative"}) {
        const auto out = CLIPTextModel(model)(expected.at(kind + "_ids"));
        EXPECT_CLOSE(out.last_hidden_state, expected.at(kind + "_embeds"), tolerance) << kind;
    }
}

}  // namespace
}  // namespace hra

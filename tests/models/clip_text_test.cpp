// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The text encoder's end token, clip skip, errors and bfloat16, on a small one with random weights.
#include <gtest/gtest.h>

#include <torch/torch.h>

#include "core/error.h"
#include "models/clip_text_model.h"
#include "support/expect_close.h"
#include "support/fixtures.h"
#include "support/modules.h"

namespace hra {
namespace {

constexpr test::Tolerance exact{0};
constexpr test::Tolerance bfloat16_tolerance{0, 0.05};  // some 15 layers of 0.4 % roundings

CLIPTextModel small_model(std::int64_t eos_token_id, const std::string& hidden_act = "quick_gelu") {
    CLIPTextConfig config;
    config.vocab_size = 50;
    config.hidden_size = 16;
    config.intermediate_size = 32;
    config.num_hidden_layers = 3;
    config.num_attention_heads = 4;
    config.max_position_embeddings = 9;
    config.hidden_act = hidden_act;
    config.eos_token_id = eos_token_id;
    CLIPTextModel model(config);
    test::randomize(*model, 41);
    return model;
}

const torch::Tensor ids = torch::tensor({{40, 7, 30, 49, 49}, {40, 49, 30, 49, 2}});

TEST(CLIPText, PoolsAtTheFirstEndToken) {
    const torch::NoGradGuard no_grad;
    const auto named = small_model(30)->forward(ids);
    EXPECT_CLOSE(named.pooled[0], named.last_hidden_state[0][2], exact);
    const auto highest = small_model(2)->forward(ids);
    EXPECT_CLOSE(highest.pooled[0], highest.last_hidden_state[0][3], exact);
    EXPECT_CLOSE(highest.pooled[1], highest.last_hidden_state[1][1], exact);
}

TEST(CLIPText, SkippedLayersAreTheLastOnes) {
    const torch::NoGradGuard no_grad;
    auto model = small_model(2);
    const auto all = model(ids);
    const auto skipped = model(ids, 2);
    ASSERT_EQ(all.hidden_states.size(), 4u);
    EXPECT_CLOSE(skipped.last_hidden_state, model->text_model->final_layer_norm(all.hidden_states[1]), exact);
    EXPECT_ERROR(model(ids, 3), "wanted clip_skip from 0 to 2, got 3");
    EXPECT_ERROR(model(torch::zeros({1, 10}, torch::kInt64)),
                 "wanted token ids [batch, up to 9], got [1, 10]");
}

TEST(CLIPText, BothActivationsRunInBfloat16) {
    const torch::NoGradGuard no_grad;
    for (const std::string act : {"quick_gelu", "gelu"}) {
        auto model = small_model(2, act);
        const auto expected = model(ids).last_hidden_state;
        model->to(torch::kBFloat16);
        EXPECT_CLOSE(model(ids).last_hidden_state, expected, bfloat16_tolerance) << act;
    }
}

}  // namespace
}  // namespace hra

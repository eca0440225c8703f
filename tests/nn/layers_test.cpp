// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Names, costs and small behaviours of the layers.
#include <gtest/gtest.h>

#include <torch/torch.h>

#include "nn/attention.h"
#include "nn/embeddings.h"
#include "nn/module_vector.h"
#include "nn/observer.h"
#include "nn/resample_2d.h"
#include "support/expect_close.h"
#include "support/modules.h"

namespace hra {
namespace {

constexpr test::Tolerance tolerance{1e-5};  // float32 sums of some tens of numbers of size 1

TEST(ModuleVector, RegistersIndicesAndAnEmptyListAddsNoName) {
    torch::nn::Module parent;
    ModuleVector<Linear> full, empty;
    full->push_back(Linear(2, 3));
    full->push_back(Linear(3, 4, LinearOptions{.bias = false}));
    parent.register_module("full", full);
    parent.register_module("empty", empty);
    const auto names = test::parameters_of(parent);
    ASSERT_EQ(names.size(), 3u);
    EXPECT_EQ(names.count("full.0.weight") + names.count("full.0.bias") + names.count("full.1.weight"), 3u);
}

TEST(Linear, AppliesAWeightStoredAsAConvolution) {
    Linear plain(5, 7), stored(5, 7, LinearOptions{.conv1x1 = true});
    test::randomize(*plain, 1);
    const torch::NoGradGuard no_grad;
    stored->weight.copy_(plain->weight.view({7, 5, 1, 1}));
    stored->bias.copy_(plain->bias);
    const auto x = torch::randn({2, 3, 5});
    EXPECT_CLOSE(stored(x), plain(x), tolerance);
}

TEST(Layers, AreFrozenUntilTrainingAsks) {
    for (const auto& [name, parameter] : test::parameters_of(*BasicTransformerBlock(8, 2, 6)))
        EXPECT_FALSE(parameter.requires_grad()) << name;
}

TEST(Downsample2D, AsymmetricPadsOnTheRightAndBelow) {
    Downsample2D down(2, true);
    test::randomize(*down, 2);
    const auto x = torch::randn({1, 2, 6, 8});
    const auto padded = torch::constant_pad_nd(x, {0, 1, 0, 1});
    EXPECT_CLOSE(down(x), torch::conv2d(padded, down->conv->weight, down->conv->bias, {2, 2}), tolerance);
}

TEST(TimestepEmbedding, SinesCosinesAndAnOddDimension) {
    const auto t = torch::tensor({0.0, 749.25}, torch::kFloat32);
    const auto even = get_timestep_embedding(t, 4, false, 0);
    const auto angle = torch::tensor({749.25, 7.4925}, torch::kFloat32);  // frequencies 1 and 1/100
    EXPECT_CLOSE(even[0], torch::tensor({0.0, 0.0, 1.0, 1.0}), tolerance);
    constexpr test::Tolerance rounding_of_angles{1e-4};  // 749.25 has 7e-5 of float32 spacing
    EXPECT_CLOSE(even[1], torch::cat({angle.sin(), angle.cos()}), rounding_of_angles);
    EXPECT_CLOSE(get_timestep_embedding(t, 4, true, 0)[1], torch::cat({angle.cos(), angle.sin()}),
                 rounding_of_angles);
    EXPECT_EQ(get_timestep_embedding(t, 5).size(1), 5);
    EXPECT_EQ(get_timestep_embedding(t, 5)[1][4].item<float>(), 0);
}

TEST(Observer, HearsOfModulesWhileItLivesAndScopesNest) {
    FeedForward ff(4);
    test::randomize(*ff, 3);
    const auto x = torch::randn({1, 2, 4});
    int outer = 0, inner = 0;
    {
        const ScopedObserver first([&](const torch::nn::Module&, const torch::Tensor&) { ++outer; });
        ff(x);
        const int heard = outer;
        EXPECT_GT(heard, 0);
        {
            const ScopedObserver second([&](const torch::nn::Module&, const torch::Tensor&) { ++inner; });
            ff(x);
        }
        EXPECT_EQ(outer, heard);
        EXPECT_EQ(inner, heard);
    }
    const int heard = outer;
    ff(x);
    EXPECT_EQ(outer, heard);
}

TEST(CrossAttentionCache, KeepsTheFirstKeysAndValues) {
    Attention layer(AttentionOptions{.query_dim = 8, .context_dim = 6, .heads = 2, .dim_head = 4});
    test::randomize(*layer, 4);
    const auto x = torch::randn({1, 3, 8}), text = torch::randn({1, 5, 6});
    CrossAttentionCache cache;
    const auto first = layer->forward_text(x, {text, &cache});
    EXPECT_CLOSE(first, layer->forward_text(x, {text, nullptr}), tolerance);
    EXPECT_CLOSE(layer->forward_text(x, {torch::zeros_like(text), &cache}), first, tolerance);
}

}  // namespace
}  // namespace hra

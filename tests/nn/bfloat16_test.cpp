// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Every layer in bfloat16 against the same layer in float32, forward and backward: some CPU libraries return
// wrong half-precision numbers without an error.
#include <functional>

#include <gtest/gtest.h>

#include <torch/torch.h>

#include "nn/embeddings.h"
#include "nn/resample_2d.h"
#include "nn/resnet_block_2d.h"
#include "nn/transformer_2d.h"
#include "support/expect_close.h"
#include "support/fixtures.h"
#include "support/modules.h"

namespace hra {
namespace {

/// bfloat16 has 8 bits: 0.4 % a rounding; a block rounds some ten times. LibTorch 1.13 errs by 30 % in the
/// norm of many positions.
constexpr test::Tolerance forward_tolerance{0, 0.03};
constexpr test::Tolerance backward_tolerance{0, 0.06};

struct Case {
    std::string name;
    std::shared_ptr<torch::nn::Module> module;
    std::vector<std::int64_t> input;
    std::function<torch::Tensor(const torch::Tensor&)> forward;
};

template <class Holder>
Case make(std::string name, Holder module, std::vector<std::int64_t> input) {
    return {std::move(name), module.ptr(), std::move(input),
            [module](const torch::Tensor& x) mutable { return module(x); }};
}

std::vector<Case> cases() {
    const auto text = [](const torch::Tensor& like) {
        torch::manual_seed(7);
        return TextContext{torch::randn({2, 5, 24}).to(like.scalar_type())};
    };
    const auto temb = [](const torch::Tensor& like) {
        torch::manual_seed(8);
        return torch::randn({2, 40}).to(like.scalar_type());
    };
    Attention cross(AttentionOptions{.query_dim = 32, .context_dim = 24, .heads = 4, .dim_head = 8});
    Attention spatial(AttentionOptions{
        .query_dim = 32, .context_dim = 32, .heads = 1, .dim_head = 32, .bias = true, .norm_groups = 8});
    BasicTransformerBlock block(32, 4, 24);
    Transformer2DModel transformer(
        Transformer2DOptions{.channels = 32, .heads = 4, .cross_attention_dim = 24, .norm_num_groups = 8});
    ResnetBlock2D resnet(
        ResnetBlock2DOptions{.in_channels = 16, .out_channels = 32, .temb_channels = 40, .groups = 8});
    GroupNorm silu(8, 32, 1e-5);
    Upsample2D up(16);
    return {
        make("Linear", Linear(32, 48), {2, 9, 32}),
        make("Conv2d", Conv2d(Conv2dOptions{.in_channels = 16, .out_channels = 24}), {2, 16, 12, 10}),
        make("GroupNorm", GroupNorm(8, 32, 1e-5), {2, 32, 12, 10}),
        make("GroupNormOfManyPositions", GroupNorm(8, 32, 1e-5), {1, 32, 64, 64}),
        make("LayerNorm", LayerNorm(32), {2, 9, 32}),
        make("LayerNormOfManyChannels", LayerNorm(1280), {2, 9, 1280}),
        make("SelfAttention",
             Attention(AttentionOptions{.query_dim = 32, .context_dim = 32, .heads = 4, .dim_head = 8}),
             {2, 60, 32}),
        make("FeedForward", FeedForward(32), {2, 9, 32}),
        make("Downsample2D", Downsample2D(16), {2, 16, 12, 10}),
        make("AsymmetricDownsample2D", Downsample2D(16, true), {2, 16, 12, 10}),
        make("TimestepEmbedding", TimestepEmbedding(32, 64), {2, 32}),
        {"GroupNormSilu", silu.ptr(), {2, 32, 12, 10}, [=](const auto& x) { return silu->forward_silu(x); }},
        {"Upsample2D", up.ptr(), {2, 16, 5, 6}, [=](const auto& x) mutable { return up(x, 10, 11); }},
        {"CrossAttention",
         cross.ptr(),
         {2, 60, 32},
         [=](const auto& x) mutable { return cross->forward_text(x, text(x)); }},
        {"SpatialAttention",
         spatial.ptr(),
         {2, 32, 6, 5},
         [=](const auto& x) mutable { return spatial->forward_2d(x); }},
        {"BasicTransformerBlock",
         block.ptr(),
         {2, 60, 32},
         [=](const auto& x) mutable { return block(x, text(x)); }},
        {"Transformer2DModel",
         transformer.ptr(),
         {2, 32, 6, 5},
         [=](const auto& x) mutable { return transformer(x, text(x)); }},
        {"ResnetBlock2D", resnet.ptr(), {2, 16, 12, 10}, [=](const auto& x) mutable {
             return resnet(x, temb(x));
         }}};
}

struct Result {
    torch::Tensor output, input_gradient;
};

Result evaluate(const Case& layer, const torch::Tensor& input, const torch::Tensor& direction) {
    const auto x = input.detach().clone().set_requires_grad(true);
    const auto y = layer.forward(x);
    y.backward(direction.to(y.scalar_type()));
    return {y, x.grad()};
}

void expect_same_as_float32(const Case& layer, torch::MemoryFormat format) {
    test::randomize(*layer.module, 11);
    torch::manual_seed(12);
    // An offset, as after a SiLU: the mean of such numbers is where bfloat16 sums go wrong.
    auto x = (torch::randn(layer.input) + 1).to(torch::kBFloat16);
    if (x.dim() == 4) x = x.contiguous(format);
    for (const auto& item : layer.module->named_parameters())
        item.value().set_data(item.value().to(torch::kBFloat16).to(torch::kFloat32));
    const auto direction = torch::randn_like(layer.forward(x.to(torch::kFloat32)));
    const auto expected = evaluate(layer, x.to(torch::kFloat32), direction);
    layer.module->to(torch::kBFloat16);
    const auto actual = evaluate(layer, x, direction);
    EXPECT_EQ(actual.output.scalar_type(), torch::kBFloat16) << layer.name;
    EXPECT_CLOSE(actual.output, expected.output, forward_tolerance) << layer.name;
    EXPECT_CLOSE(actual.input_gradient, expected.input_gradient, backward_tolerance) << layer.name;
}

TEST(Bfloat16, EveryLayerAgreesWithFloat32) {
    for (const auto& layer : cases()) expect_same_as_float32(layer, torch::MemoryFormat::ChannelsLast);
    for (const auto& layer : cases()) expect_same_as_float32(layer, torch::MemoryFormat::Contiguous);
}

}  // namespace
}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "weights/load_state_dict.h"

#include <gtest/gtest.h>

#include <torch/torch.h>

#include "core/error.h"
#include "support/fixtures.h"

namespace hra {
namespace {

struct SmallImpl : torch::nn::Module {
    SmallImpl()
        : weight(register_parameter("weight", torch::empty({2, 3}))),
          inner(register_module("inner", torch::nn::Linear(torch::nn::LinearOptions(3, 2).bias(false)))),
          ids(register_buffer("ids", torch::zeros({4}, torch::kInt64))) {}
    torch::Tensor weight;
    torch::nn::Linear inner;
    torch::Tensor ids;
};

StateDict small_weights() {
    return {{"weight", torch::ones({2, 3})},
            {"inner.weight", torch::full({2, 3}, 2.0F)},
            {"ids", torch::arange(4, torch::kInt64)}};
}

TEST(LoadStateDict, TakesTensorsOverWithoutACopy) {
    SmallImpl module;
    const StateDict tensors = small_weights();
    load_state_dict(module, tensors);
    EXPECT_EQ(module.weight.data_ptr(), tensors.at("weight").data_ptr());
    EXPECT_EQ(module.inner->weight.data_ptr(), tensors.at("inner.weight").data_ptr());
    EXPECT_EQ(module.ids[3].item<int>(), 3);
    EXPECT_FALSE(module.weight.requires_grad());
    EXPECT_FALSE(module.inner->weight.requires_grad());
}

TEST(LoadStateDict, ConvertsFloatingPointTensorsOnly) {
    SmallImpl module;
    load_state_dict(module, small_weights(), {.where = "test", .dtype = torch::kHalf});
    EXPECT_EQ(module.weight.scalar_type(), torch::kHalf);
    EXPECT_EQ(module.inner->weight.scalar_type(), torch::kHalf);
    EXPECT_EQ(module.ids.scalar_type(), torch::kInt64);
    EXPECT_EQ(module.inner->weight.sum().item<float>(), 12.0F);
}

TEST(LoadStateDict, HalfFilesFillFloatModules) {
    SmallImpl module;
    StateDict tensors = small_weights();
    tensors["weight"] = tensors["weight"].to(torch::kBFloat16);
    load_state_dict(module, tensors);
    EXPECT_EQ(module.weight.scalar_type(), torch::kFloat32);
}

TEST(LoadStateDict, OneErrorNamesAllThatIsWrong) {
    SmallImpl module;
    const void* before = module.weight.data_ptr();
    StateDict tensors = small_weights();
    tensors.erase("ids");
    tensors["inner.weight"] = torch::ones({3, 2});
    for (int i = 0; i < 12; ++i) tensors[concat("extra.", i)] = torch::ones({1});
    try {
        load_state_dict(module, tensors, {.where = "a file"});
        ADD_FAILURE() << "no error";
    } catch (const Error& e) {
        const std::string text = e.what();
        EXPECT_TRUE(text.starts_with("[a file] wanted exactly")) << text;
        for (const char* part : {"1 missing (ids)", "12 unexpected (extra.0,", ", ...)",
                                 "1 mis-shaped (inner.weight: [3, 2] for [2, 3])"})
            EXPECT_NE(text.find(part), text.npos) << part << " in " << text;
    }
    EXPECT_EQ(module.weight.data_ptr(), before);
}

TEST(LoadStateDict, IgnoredKeysMayBeMissingOrLeftOver) {
    SmallImpl module;
    StateDict tensors = small_weights();
    tensors.erase("ids");
    tensors["position_ids"] = torch::arange(77);
    load_state_dict(module, tensors, {.where = "test", .ignored_keys = {"ids", "position_ids"}});
    EXPECT_EQ(module.ids.sum().item<int>(), 0);
}

}  // namespace
}  // namespace hra

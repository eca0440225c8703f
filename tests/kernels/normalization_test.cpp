// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "kernels/normalization.h"

#include <vector>

#include <gtest/gtest.h>

#include <torch/torch.h>

#include "core/error.h"
#include "kernels/tolerances.h"
#include "support/fixtures.h"

namespace hra::test {
namespace {

constexpr double kEps = 1e-5;
constexpr auto kChannelsLast = at::MemoryFormat::ChannelsLast;

torch::Tensor wide(const torch::Tensor& x) {
    return x.to(torch::kDouble);
}

TEST(GroupNorm, AgreesWithFloat64InEveryDtypeAndFormat) {
    const torch::NoGradGuard no_grad;
    torch::manual_seed(3);
    for (const auto& shape :
         std::vector<std::vector<int64_t>>{{2, 320, 16, 16}, {1, 64, 9, 7}, {3, 10, 1, 1}, {1, 30, 5, 33}}) {
        const int64_t channels = shape[1], groups = channels % 32 == 0 ? 32 : 5;
        const auto weight = torch::randn(channels), bias = torch::randn(channels);
        for (const auto type : {torch::kFloat, torch::kBFloat16, torch::kHalf}) {
            const auto x = (torch::randn(shape) * 2 + 3).to(type);
            const auto wanted = torch::group_norm(wide(x), groups, wide(weight), wide(bias), kEps);
            for (const auto format : {at::MemoryFormat::Contiguous, kChannelsLast}) {
                const auto input = x.contiguous(format);
                const auto y = group_norm(input, groups, weight, bias, kEps);
                EXPECT_EQ(y.scalar_type(), type);
                EXPECT_CLOSE(y, wanted, tolerance_for(type));
                EXPECT_CLOSE(group_norm_silu(input, groups, weight, bias, kEps), torch::silu(wanted),
                             tolerance_for(type));
                EXPECT_CLOSE(
                    group_norm(input, groups, weight.to(type), bias.to(type), kEps),
                    torch::group_norm(wide(x), groups, wide(weight.to(type)), wide(bias.to(type)), kEps),
                    tolerance_for(type));
            }
        }
    }
}

TEST(GroupNorm, ALargeMeanDoesNotDrownTheVariance) {
    const torch::NoGradGuard no_grad;
    // Inputs of 1000 +- 1 carry 2^-14 relative to their deviation; the result cannot be better.
    constexpr Tolerance kInputRounding{1e-6, 1e-4};
    const auto x = (torch::randn({1, 64, 40, 40}) + 1000).contiguous(kChannelsLast);
    const auto weight = torch::ones(64), bias = torch::zeros(64);
    EXPECT_CLOSE(group_norm(x, 32, weight, bias, kEps),
                 torch::group_norm(wide(x), 32, wide(weight), wide(bias), kEps), kInputRounding);
}

TEST(GroupNorm, SiluOfLargeValuesStaysFinite) {
    const torch::NoGradGuard no_grad;
    const auto x = torch::randn({1, 32, 8, 8}).contiguous(kChannelsLast);
    const auto weight = torch::full(32, 300.0), bias = torch::zeros(32);
    EXPECT_CLOSE(group_norm_silu(x, 4, weight, bias, kEps),
                 torch::silu(torch::group_norm(wide(x), 4, wide(weight), wide(bias), kEps)), kFp32);
}

TEST(GroupNorm, GradientsAgreeWithFloat64) {
    for (const auto type : {torch::kFloat, torch::kBFloat16}) {
        const auto start = torch::randn({2, 12, 5, 5}).to(type);
        const auto x = start.contiguous(kChannelsLast).requires_grad_();
        const auto reference = start.to(torch::kDouble).requires_grad_();
        const auto weight = torch::randn(12), bias = torch::randn(12),
                   grad = torch::randn({2, 12, 5, 5}).to(type);
        group_norm_silu(x, 4, weight, bias, kEps).backward(grad);
        torch::silu(torch::group_norm(reference, 4, wide(weight), wide(bias), kEps)).backward(wide(grad));
        EXPECT_CLOSE(x.grad(), reference.grad(), tolerance_for(type));
    }
}

TEST(GroupNorm, ThreadsDoNotChangeTheResult) {
    const torch::NoGradGuard no_grad;
    const auto x = torch::randn({2, 64, 33, 31}).contiguous(kChannelsLast);
    const auto weight = torch::randn(64), bias = torch::randn(64);
    torch::Tensor one, two;
    {
        const Threads threads(1);
        one = group_norm_silu(x, 32, weight, bias, kEps);
    }
    {
        const Threads threads(2);
        two = group_norm_silu(x, 32, weight, bias, kEps);
    }
    EXPECT_TRUE(torch::equal(one, two));
}

TEST(GroupNorm, GroupsMustDivideTheChannels) {
    EXPECT_ERROR(group_norm(torch::ones({1, 10, 2, 2}), 3, torch::ones(10), torch::ones(10), kEps),
                 "divisible by 3");
}

TEST(LayerNorm, AgreesWithFloat64ForwardAndBackward) {
    for (const auto type : {torch::kFloat, torch::kBFloat16, torch::kHalf}) {
        const auto x = (torch::randn({2, 7, 48}) + 1).to(type).requires_grad_();
        const auto reference = x.detach().to(torch::kDouble).requires_grad_();
        const auto weight = torch::randn(48).to(type), bias = torch::randn(48).to(type),
                   grad = torch::randn({2, 7, 48}).to(type);
        const auto y = layer_norm(x, weight, bias, kEps);
        const auto wanted = torch::layer_norm(reference, {48}, wide(weight), wide(bias), kEps);
        EXPECT_CLOSE(y, wanted, tolerance_for(type));
        y.backward(grad);
        wanted.backward(wide(grad));
        EXPECT_CLOSE(x.grad(), reference.grad(), tolerance_for(type));
    }
}

TEST(Geglu, AgreesWithFloat64) {
    for (const int64_t channels : {1, 5, 16, 1280}) {
        for (const auto type : {torch::kFloat, torch::kBFloat16, torch::kHalf}) {
            const auto x = (torch::randn({2, 9, 2 * channels}) * 4).to(type);
            const auto halves = wide(x).chunk(2, -1);
            const auto wanted = halves[0] * torch::gelu(halves[1]);
            EXPECT_CLOSE(geglu(x), wanted, tolerance_for(type));
            EXPECT_CLOSE(geglu(x.transpose(0, 1).contiguous().transpose(0, 1)), wanted, tolerance_for(type));
            if (type == torch::kFloat) {
                EXPECT_CLOSE(geglu(x.clone().requires_grad_()), wanted, kFp32);
            }
        }
    }
    EXPECT_ERROR(geglu(torch::ones({2, 3})), "even last dimension");
}

}  // namespace
}  // namespace hra::test

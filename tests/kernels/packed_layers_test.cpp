// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "kernels/packed_layers.h"

#include <array>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include <torch/torch.h>

#include "core/error.h"
#include "kernels/tolerances.h"
#include "support/fixtures.h"

namespace hra::test {
namespace {

/// Winograd's transforms multiply rounding errors about tenfold; measured 1e-5 of the largest output.
constexpr Tolerance kWinograd{1e-6, 3e-5};

torch::Tensor wide(const torch::Tensor& x) {
    return x.defined() ? x.to(torch::kDouble) : x;
}

TEST(PackedLinear, AgreesWithFloat64) {
    const torch::NoGradGuard no_grad;
    torch::manual_seed(5);
    const std::vector<std::array<int64_t, 3>> shapes{{1, 1, 1},     {2, 1280, 1280}, {7, 5, 3},
                                                     {97, 385, 17}, {200, 768, 40},  {96, 384, 1030},
                                                     {13, 1000, 33}};
    for (const auto& [rows, in, out] : shapes) {
        const auto weight = torch::randn({out, in}), bias = torch::randn(out), x = torch::randn({rows, in});
        for (const auto& b : {bias, torch::Tensor()}) {
            const PackedLinear layer(weight, b, torch::kFloat);
            EXPECT_CLOSE(layer.forward(x), torch::linear(wide(x), wide(weight), wide(b)), kFp32);
            EXPECT_TRUE(torch::equal(layer.weight(), weight));
        }
        for (const auto type : {torch::kBFloat16, torch::kHalf}) {
            const auto stored = weight.to(type);
            const PackedLinear layer(stored, bias, type);
            EXPECT_CLOSE(layer.forward(x), torch::linear(wide(x), wide(stored), wide(bias)), kFp32);
            EXPECT_TRUE(torch::equal(layer.weight(), stored.to(torch::kFloat)));
            const auto half = x.to(type), y = layer.forward(half);
            EXPECT_EQ(y.scalar_type(), type);
            EXPECT_CLOSE(y, torch::linear(wide(half), wide(stored), wide(bias)), tolerance_for(type));
        }
    }
}

TEST(PackedLinear, TakesAnyStridesAndLeadingDimensions) {
    const torch::NoGradGuard no_grad;
    const auto weight = torch::randn({20, 12}), bias = torch::randn(20);
    const PackedLinear layer(weight, bias, torch::kFloat);
    const auto x = torch::randn({2, 12, 3, 5}).permute({0, 2, 3, 1});
    EXPECT_CLOSE(layer.forward(x), torch::linear(wide(x), wide(weight), wide(bias)), kFp32);
    const auto slice = torch::randn({4, 6, 30}).narrow(2, 7, 12);
    EXPECT_CLOSE(layer.forward(slice), torch::linear(wide(slice), wide(weight), wide(bias)), kFp32);
    EXPECT_EQ(layer.forward(torch::ones({0, 12})).sizes(), (std::vector<int64_t>{0, 20}));
    EXPECT_ERROR(layer.forward(torch::ones({3, 11})), "wanted 12 channels");
}

struct ConvCase {
    int64_t batch, in, out, kernel, stride, padding, height, width;
};

void PrintTo(const ConvCase& c, std::ostream* out) {
    *out << c.in << " to " << c.out << ", kernel " << c.kernel << ", stride " << c.stride << ", padding "
         << c.padding << ", " << c.batch << " x " << c.height << " x " << c.width;
}

class PackedConv : public testing::TestWithParam<ConvCase> {};

TEST_P(PackedConv, AgreesWithFloat64) {
    const torch::NoGradGuard no_grad;
    torch::manual_seed(9);
    const ConvCase c = GetParam();
    const auto weight =
                   torch::randn({c.out, c.in, c.kernel, c.kernel}) / std::sqrt(static_cast<double>(c.in)),
               bias = torch::randn(c.out), x = torch::randn({c.batch, c.in, c.height, c.width});
    for (const bool winograd : {true, false}) {
        const Tolerance tolerance = winograd ? kWinograd : kFp32;
        for (const auto storage : {torch::kFloat, torch::kHalf, torch::kBFloat16}) {
            const auto stored = weight.to(storage);
            const PackedConv2d layer(stored, bias, {c.stride, c.padding, storage, winograd});
            const auto wanted = torch::conv2d(wide(x), wide(stored), wide(bias), c.stride, c.padding);
            const auto y = layer.forward(x);
            EXPECT_CLOSE(y, wanted, tolerance);
            EXPECT_TRUE(y.is_contiguous(at::MemoryFormat::ChannelsLast));
            EXPECT_TRUE(torch::equal(layer.forward(x.contiguous(at::MemoryFormat::ChannelsLast)), y));
            EXPECT_TRUE(torch::equal(layer.weight(), stored.to(torch::kFloat)));
        }
        const PackedConv2d plain(weight, {}, {c.stride, c.padding, torch::kFloat, winograd});
        EXPECT_CLOSE(plain.forward(x), torch::conv2d(wide(x), wide(weight), {}, c.stride, c.padding),
                     tolerance);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Packed, PackedConv,
    testing::Values(ConvCase{2, 32, 48, 3, 1, 1, 16, 16}, ConvCase{1, 320, 320, 3, 1, 1, 8, 8},
                    ConvCase{2, 17, 19, 3, 1, 1, 7, 9}, ConvCase{1, 16, 130, 3, 1, 1, 1, 1},
                    ConvCase{1, 130, 16, 3, 1, 1, 5, 3}, ConvCase{1, 64, 64, 3, 1, 1, 61, 47},
                    ConvCase{2, 4, 32, 3, 1, 1, 10, 6}, ConvCase{1, 32, 4, 3, 1, 1, 9, 9},
                    ConvCase{2, 24, 40, 3, 2, 1, 9, 12}, ConvCase{1, 20, 30, 3, 2, 0, 9, 9},
                    ConvCase{2, 100, 50, 1, 1, 0, 6, 5}, ConvCase{1, 3, 16, 14, 14, 0, 28, 42}));

TEST(PackedConv2d, ThreadsDoNotChangeTheResult) {
    const torch::NoGradGuard no_grad;
    const auto weight = torch::randn({48, 40, 3, 3}), x = torch::randn({2, 40, 30, 22});
    for (const bool winograd : {true, false}) {
        const PackedConv2d layer(weight, {}, {1, 1, torch::kFloat, winograd});
        torch::Tensor one, two;
        {
            const Threads threads(1);
            one = layer.forward(x);
        }
        {
            const Threads threads(2);
            two = layer.forward(x);
        }
        EXPECT_TRUE(torch::equal(one, two));
    }
}

TEST(PackedConv2d, OtherChannelsAreAnError) {
    const PackedConv2d layer(torch::ones({2, 3, 3, 3}), {}, {1, 1});
    EXPECT_ERROR(layer.forward(torch::ones({1, 4, 5, 5})), "wanted 3 channels");
    EXPECT_ERROR(PackedConv2d(torch::ones({2, 3}), {}, {}), "4 dimensions");
}

}  // namespace
}  // namespace hra::test

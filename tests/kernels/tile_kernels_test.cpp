// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "kernels/tile_kernels.h"

#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include <torch/torch.h>

#include "kernels/tile_kernels_list.h"
#include "kernels/tolerances.h"

namespace hra::test {
namespace {

using detail::ElementType;
using detail::TileKernels;

/// Every instruction set of this build that this processor runs.
class EveryTable : public testing::TestWithParam<const TileKernels*> {};

std::string table_name(const testing::TestParamInfo<const TileKernels*>& info) {
    return info.param->name;
}

TEST_P(EveryTable, Exp2IsWithinTwoUnitsInTheLastPlace) {
    std::vector<float> x, y;
    for (float v = -126.0F; v < 126.0F; v += 1.0F / 512.0F + 1e-5F) x.push_back(v);
    y.resize(x.size());
    GetParam()->exp2(x.data(), y.data(), static_cast<int64_t>(x.size()));
    double worst = 0;
    for (size_t i = 0; i < x.size(); ++i) {
        const double wanted = std::exp2(static_cast<double>(x[i]));
        worst = std::max(worst, std::abs(static_cast<double>(y[i]) - wanted) / wanted);
    }
    EXPECT_LT(worst, 2.0 * 1.1920929e-7);
    const std::vector<float> special{0.0F, -INFINITY, -200.0F, 1.0F, NAN};
    y.resize(special.size());
    GetParam()->exp2(special.data(), y.data(), static_cast<int64_t>(special.size()));
    EXPECT_EQ(y[0], 1.0F);
    EXPECT_EQ(y[1], 0.0F);
    EXPECT_EQ(y[2], 0.0F);
    EXPECT_EQ(y[3], 2.0F);
    EXPECT_TRUE(std::isnan(y[4]));
}

TEST_P(EveryTable, EveryHalfIsReadAsTorchReadsIt) {
    std::vector<uint16_t> bits(65536);
    std::iota(bits.begin(), bits.end(), uint16_t{0});
    std::vector<float> values(bits.size());
    for (const auto& [element, type] :
         {std::pair{ElementType::bf16, torch::kBFloat16}, {ElementType::f16, torch::kHalf}}) {
        GetParam()->load(element, bits.data(), values.data(), 65536);
        const auto wanted = torch::from_blob(bits.data(), {65536}, type).to(torch::kFloat);
        const auto actual = torch::from_blob(values.data(), {65536}, torch::kFloat);
        EXPECT_TRUE(((actual == wanted) | (actual.isnan() & wanted.isnan())).all().item<bool>());
    }
}

TEST_P(EveryTable, FloatsAreRoundedToHalfAsTorchRounds) {
    torch::manual_seed(1);
    // All exponents, ties, subnormals, overflow, infinities, NaN; an odd count for the loop's end.
    auto bits = torch::randint(INT32_MIN, INT32_MAX, {200001}, torch::kLong).to(torch::kInt);
    auto values = torch::empty({200001}, torch::kFloat);
    std::memcpy(values.data_ptr<float>(), bits.data_ptr<int32_t>(), 200001 * sizeof(float));
    const auto small =
        torch::randn({100000}) * torch::exp2(torch::randint(-30, 18, {100000}).to(torch::kFloat));
    const auto ties = torch::arange(0, 40000, torch::kFloat) / 4 * std::exp2(-24.0);
    values = torch::cat(
        {values, small, ties, torch::tensor({65519.0F, 65520.0F, 65504.0F, INFINITY, -INFINITY, 0.0F})});
    for (const auto& [element, type] :
         {std::pair{ElementType::bf16, torch::kBFloat16}, {ElementType::f16, torch::kHalf}}) {
        auto rounded = torch::empty(values.sizes(), type);
        GetParam()->store(element, values.data_ptr<float>(), rounded.data_ptr(), values.numel());
        const auto actual = rounded.to(torch::kFloat), wanted = values.to(type).to(torch::kFloat);
        EXPECT_TRUE(((actual == wanted) | (actual.isnan() & wanted.isnan())).all().item<bool>());
    }
}

TEST_P(EveryTable, ProductsOfEverySize) {
    const TileKernels& simd = *GetParam();
    for (const int64_t vectors : {1, 2, 3}) {
        for (const int64_t rows : {1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 24}) {
            const int64_t depth = 9, width = vectors * simd.width;
            const auto a = torch::randn({rows, depth}), b = torch::randn({depth, width}),
                       bias = torch::randn(width), old = torch::randn({rows, width}),
                       factor = torch::randn(rows);
            const auto ab = torch::matmul(a.to(torch::kDouble), b.to(torch::kDouble));
            for (const int64_t columns : {width, width - 1, int64_t{1}}) {
                const auto run = [&](detail::Store store, const float* bias_data) {
                    auto c = old.clone();
                    simd.product({rows, depth, vectors, columns, a.data_ptr<float>(), depth,
                                  b.data_ptr<float>(), c.data_ptr<float>(), width, store, bias_data,
                                  factor.data_ptr<float>()});
                    return c;
                };
                const auto expect = [&](const torch::Tensor& c, const torch::Tensor& full) {
                    EXPECT_CLOSE(c.narrow(1, 0, columns), full.narrow(1, 0, columns), kFp32);
                    const auto rest = width - columns;
                    EXPECT_TRUE(torch::equal(c.narrow(1, columns, rest), old.narrow(1, columns, rest)));
                };
                expect(run(detail::Store::overwrite, nullptr), ab);
                expect(run(detail::Store::overwrite, bias.data_ptr<float>()), ab + bias);
                expect(run(detail::Store::add, nullptr), ab + old);
                expect(run(detail::Store::scale_add, nullptr), ab + old * factor.unsqueeze(1));
            }
        }
    }
}

TEST_P(EveryTable, ActivationsAgreeWithFloat64) {
    const int64_t n = 1003;
    const auto x = torch::linspace(-40, 40, n), gate = torch::linspace(-12, 12, n), ones = torch::ones(n),
               zeros = torch::zeros(n);
    auto y = torch::empty({n});
    GetParam()->affine(x.data_ptr<float>(), ones.data_ptr<float>(), zeros.data_ptr<float>(), true,
                       y.data_ptr<float>(), n);
    EXPECT_CLOSE(y, torch::silu(x.to(torch::kDouble)), kFp32);
    GetParam()->geglu(ones.data_ptr<float>(), gate.data_ptr<float>(), y.data_ptr<float>(), n);
    EXPECT_CLOSE(y, torch::gelu(gate.to(torch::kDouble)), kFp32);
}

INSTANTIATE_TEST_SUITE_P(TileKernels, EveryTable, testing::ValuesIn(detail::supported_tile_kernels()),
                         table_name);

}  // namespace
}  // namespace hra::test

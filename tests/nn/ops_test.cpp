// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The numerical functions against slower or plainer formulas.
#include "nn/ops.h"

#include <cmath>

#include <gtest/gtest.h>

#include <torch/torch.h>

#include "nn/tokens.h"
#include "support/expect_close.h"

namespace hra {
namespace {

constexpr test::Tolerance exact{0};
constexpr test::Tolerance tolerance{1e-5};  // float32 sums of some tens of numbers of size 1

/// One head, one query at a time, in float64.
torch::Tensor plain_attention(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v,
                              std::int64_t heads, bool causal) {
    const auto size = q.size(2) / heads;
    auto out = torch::empty(q.sizes(), torch::kFloat64);
    for (std::int64_t b = 0; b < q.size(0); ++b)
        for (std::int64_t h = 0; h < heads; ++h)
            for (std::int64_t i = 0; i < q.size(1); ++i) {
                const auto head = torch::indexing::Slice(h * size, (h + 1) * size);
                const auto seen = torch::indexing::Slice(0, causal ? i + 1 : k.size(1));
                const auto scores = k.index({b, seen, head})
                                        .to(torch::kFloat64)
                                        .mv(q.index({b, i, head}).to(torch::kFloat64));
                const auto weights = torch::softmax(scores / std::sqrt(static_cast<double>(size)), 0);
                out.index_put_({b, i, head}, weights.matmul(v.index({b, seen, head}).to(torch::kFloat64)));
            }
    return out;
}

TEST(Attention, EqualsThePlainFormula) {
    torch::manual_seed(1);
    const auto q = torch::randn({2, 5, 12}), k = torch::randn({2, 7, 12}), v = torch::randn({2, 7, 12});
    for (const std::int64_t heads : {1, 3, 4})
        EXPECT_CLOSE(attention(q, k, v, heads), plain_attention(q, k, v, heads, false), tolerance) << heads;
}

TEST(Attention, CausalTokensDoNotSeeTheFuture) {
    torch::manual_seed(2);
    const auto q = torch::randn({2, 6, 8}), k = torch::randn({2, 6, 8}), v = torch::randn({2, 6, 8});
    EXPECT_CLOSE(attention(q, k, v, 2, true), plain_attention(q, k, v, 2, true), tolerance);
}

TEST(Attention, LargeScoresStayFinite) {
    const auto q = torch::full({1, 4, 8}, 100.0), v = torch::randn({1, 4, 8});
    EXPECT_CLOSE(attention(q, q, v, 1), v.mean(1, true).expand({1, 4, 8}), tolerance);
}

TEST(GroupNormFunction, EqualsMeanAndVarianceOfEachGroup) {
    torch::manual_seed(3);
    const auto x = torch::randn({2, 6, 4, 5}) * 3 + 7;
    const auto weight = torch::randn({6}), bias = torch::randn({6});
    constexpr double eps = 1e-5;
    const auto groups = x.to(torch::kFloat64).reshape({2, 3, 2 * 4 * 5});
    const auto normed = (groups - groups.mean(2, true)) / (groups.var(2, false, true) + eps).sqrt();
    const auto expected = normed.reshape(x.sizes()) * weight.view({1, 6, 1, 1}) + bias.view({1, 6, 1, 1});
    for (const auto format : {torch::MemoryFormat::Contiguous, torch::MemoryFormat::ChannelsLast}) {
        const auto y = group_norm(x.contiguous(format), 3, weight, bias, eps);
        EXPECT_CLOSE(y, expected, tolerance);
        EXPECT_TRUE(y.is_contiguous(format));
        EXPECT_CLOSE(group_norm_silu(x.contiguous(format), 3, weight, bias, eps),
                     expected * torch::sigmoid(expected), tolerance);
    }
}

TEST(Geglu, IsTheFirstHalfTimesGeluOfTheSecond) {
    torch::manual_seed(4);
    const auto a = torch::randn({2, 3, 4}), b = torch::randn({2, 3, 4});
    const auto gelu = b * 0.5 * (1 + torch::erf(b / std::sqrt(2.0)));
    EXPECT_CLOSE(geglu(torch::cat({a, b}, -1)), a * gelu, tolerance);
}

TEST(UpsampleNearest, DoublesAndFitsOddSizes) {
    torch::manual_seed(5);
    for (const auto dtype : {torch::kFloat32, torch::kBFloat16}) {
        const auto x = torch::randn({1, 2, 3, 2}).to(dtype);
        const auto doubled = x.repeat_interleave(2, 2).repeat_interleave(2, 3);
        EXPECT_CLOSE(upsample_nearest(x, 6, 4), doubled, exact);
        EXPECT_CLOSE(upsample_nearest(x, 5, 3), doubled.slice(2, 0, 5).slice(3, 0, 3), exact);
        const auto last = x.contiguous(torch::MemoryFormat::ChannelsLast);
        EXPECT_CLOSE(upsample_nearest(last, 6, 4), doubled, exact);
    }
}

TEST(Tokens, AreAViewOfAChannelsLastPicture) {
    const auto x = torch::randn({2, 3, 4, 5}).contiguous(torch::MemoryFormat::ChannelsLast);
    const auto tokens = to_tokens(x);
    EXPECT_EQ(tokens.data_ptr(), x.data_ptr());
    EXPECT_CLOSE(from_tokens(tokens, 4, 5), x, exact);
    EXPECT_EQ(from_tokens(tokens, 4, 5).data_ptr(), x.data_ptr());
}

}  // namespace
}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention.h"

#include <limits>

#include <gtest/gtest.h>

#include <torch/torch.h>

#include "core/error.h"
#include "kernels/tolerances.h"
#include "support/fixtures.h"

namespace hra::test {
namespace {

struct Shape {
    int64_t batch, heads, queries, keys, dim;
    bool causal;
};

void PrintTo(const Shape& s, std::ostream* out) {
    *out << s.batch << " x " << s.heads << " heads, " << s.queries << " queries, " << s.keys << " keys, d "
         << s.dim << (s.causal ? ", causal" : "");
}

struct Inputs {
    torch::Tensor q, k, v;
};

Inputs random_inputs(const Shape& s, torch::ScalarType type = torch::kFloat) {
    torch::manual_seed(7);
    const int64_t width = s.heads * s.dim;
    return {torch::randn({s.batch, s.queries, width}).to(type),
            torch::randn({s.batch, s.keys, width}).to(type), torch::randn({s.batch, s.keys, width}).to(type)};
}

torch::Tensor reference(const Inputs& x, int64_t heads, bool causal) {
    return attention_reference(x.q.to(torch::kDouble), x.k.to(torch::kDouble), x.v.to(torch::kDouble), heads,
                               causal);
}

class AttentionShapes : public testing::TestWithParam<Shape> {};

TEST_P(AttentionShapes, AgreesWithTheDefinitionInEveryDtype) {
    const torch::NoGradGuard no_grad;
    const Shape s = GetParam();
    for (const auto type : {torch::kFloat, torch::kBFloat16, torch::kHalf, torch::kDouble}) {
        const Inputs x = random_inputs(s, type);
        const auto y = attention(x.q, x.k, x.v, s.heads, s.causal);
        EXPECT_EQ(y.scalar_type(), type);
        EXPECT_CLOSE(y, reference(x, s.heads, s.causal), tolerance_for(type));
    }
}

TEST_P(AttentionShapes, GradientsAgreeWithTheDefinition) {
    const Shape s = GetParam();
    const Inputs x = random_inputs(s);
    const auto out_grad = torch::randn({s.batch, s.queries, s.heads * s.dim});
    const auto leaf = [](const torch::Tensor& t, torch::ScalarType type) {
        return t.to(type, false, true).requires_grad_();
    };
    const Inputs fast{leaf(x.q, torch::kFloat), leaf(x.k, torch::kFloat), leaf(x.v, torch::kFloat)};
    const Inputs slow{leaf(x.q, torch::kDouble), leaf(x.k, torch::kDouble), leaf(x.v, torch::kDouble)};
    attention(fast.q, fast.k, fast.v, s.heads, s.causal).backward(out_grad);
    attention_reference(slow.q, slow.k, slow.v, s.heads, s.causal).backward(out_grad.to(torch::kDouble));
    EXPECT_CLOSE(fast.q.grad(), slow.q.grad(), kFp32);
    EXPECT_CLOSE(fast.k.grad(), slow.k.grad(), kFp32);
    EXPECT_CLOSE(fast.v.grad(), slow.v.grad(), kFp32);
}

INSTANTIATE_TEST_SUITE_P(Attention, AttentionShapes,
                         testing::Values(Shape{2, 8, 64, 64, 40, false}, Shape{1, 2, 1024, 1024, 80, false},
                                         Shape{1, 3, 256, 256, 160, false}, Shape{2, 8, 96, 77, 40, false},
                                         Shape{1, 1, 200, 600, 512, false}, Shape{2, 12, 77, 77, 64, true},
                                         Shape{1, 2, 300, 300, 8, true}, Shape{1, 2, 700, 700, 16, true},
                                         Shape{3, 4, 37, 77, 10, false}, Shape{1, 1, 1, 1, 5, false},
                                         Shape{2, 3, 97, 1, 8, false}, Shape{1, 5, 13, 513, 5, false},
                                         Shape{1, 2, 193, 1025, 24, false}, Shape{1, 2, 5, 17, 3, true}));

TEST(Attention, TakesSlicesOfOneProjection) {
    const torch::NoGradGuard no_grad;
    const auto qkv = torch::randn({2, 50, 3 * 24});
    const auto parts = qkv.chunk(3, -1);
    const auto wanted = attention(parts[0].contiguous(), parts[1].contiguous(), parts[2].contiguous(), 3);
    EXPECT_TRUE(torch::equal(attention(parts[0], parts[1], parts[2], 3), wanted));
    const auto strided = parts[0].transpose(1, 2).contiguous().transpose(1, 2);
    EXPECT_TRUE(torch::equal(attention(strided, parts[1], parts[2], 3), wanted));
}

TEST(Attention, HugeLogitsStayFinite) {
    const torch::NoGradGuard no_grad;
    Inputs x = random_inputs({1, 2, 40, 90, 16, false});
    x.q = x.q * 1e4;
    x.k = x.k * 1e3;
    EXPECT_CLOSE(attention(x.q, x.k, x.v, 2), reference(x, 2, false), kFp32);
}

TEST(Attention, NotANumberIsNotHidden) {
    const torch::NoGradGuard no_grad;
    Inputs x = random_inputs({1, 1, 8, 20, 8, false});
    x.k[0][3][2] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(attention(x.q, x.k, x.v, 1).isnan().all().item<bool>());
}

TEST(Attention, ThreadsDoNotChangeTheResult) {
    const torch::NoGradGuard no_grad;
    const Inputs x = random_inputs({2, 3, 250, 600, 40, false});
    torch::Tensor one, two;
    {
        const Threads threads(1);
        one = attention(x.q, x.k, x.v, 3);
    }
    {
        const Threads threads(2);
        two = attention(x.q, x.k, x.v, 3);
    }
    EXPECT_TRUE(torch::equal(one, two));
}

TEST(Attention, HalfGradientsFollowFp32) {
    const Inputs x = random_inputs({1, 2, 40, 50, 24, false}, torch::kBFloat16);
    Inputs half{x.q.detach().requires_grad_(), x.k.detach().requires_grad_(), x.v.detach().requires_grad_()};
    const auto widen = [](const torch::Tensor& t) { return t.detach().to(torch::kFloat).requires_grad_(); };
    Inputs full{widen(x.q), widen(x.k), widen(x.v)};
    attention(half.q, half.k, half.v, 2).sum().backward();
    attention(full.q, full.k, full.v, 2).sum().backward();
    EXPECT_CLOSE(half.v.grad(), full.v.grad(), kBf16);
    EXPECT_EQ(half.q.grad().scalar_type(), torch::kBFloat16);
}

TEST(Attention, ShapesThatDoNotFitAreErrors) {
    const auto q = torch::randn({1, 4, 8}), k = torch::randn({1, 5, 8});
    EXPECT_ERROR(attention(q, k, k, 3), "divisible by 3 heads");
    EXPECT_ERROR(attention(q, k, q, 2), "that fit");
    EXPECT_ERROR(attention(q, k, k.to(torch::kHalf), 2), "one dtype");
    EXPECT_ERROR(attention(q[0], k, k, 2), "[B, L, C]");
}

}  // namespace
}  // namespace hra::test

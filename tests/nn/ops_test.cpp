// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The numerical functions against slower or plainer formulas.
#include "nn/ops.h"

#include <gtest/gtest.h>

#include <torch/torch.h>

#include "nn/tokens.h"
#include "support/expect_close.h"

namespace hra {
namespace {

constexpr test::Tolerance exact{0};
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

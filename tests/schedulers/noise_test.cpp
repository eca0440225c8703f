// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "schedulers/noise.h"

#include <gtest/gtest.h>

#include <torch/torch.h>

#include "core/error.h"
#include "support/expect_close.h"
#include "support/fixtures.h"

namespace hra {
namespace {

constexpr test::Tolerance exact{0};

TEST(NoiseSource, GivesEachImageTheNoiseOfItsOwnSeed) {
    auto batch = NoiseSource::per_image({3, 9});
    const auto first = batch({2, 4, 8, 8});
    const auto second = batch({2, 4, 8, 8});
    NoiseSource alone(9);
    EXPECT_CLOSE(first.slice(0, 1), alone({1, 4, 8, 8}), exact);
    EXPECT_CLOSE(second.slice(0, 1), alone({1, 4, 8, 8}), exact);
    EXPECT_ERROR(batch({3, 4, 8, 8}), "wanted a batch of 2 images");
}

TEST(NoiseSource, DrawsAWholeBatchFromOneGenerator) {
    NoiseSource noise(5);
    EXPECT_CLOSE(noise({2, 4, 8, 8}), seeded_randn({2, 4, 8, 8}, 5), exact);
    EXPECT_ERROR(NoiseSource::per_image({}), "at least one generator");
}

TEST(NoiseSource, RoundsTheSameNumbersForHalfPrecision) {
    const auto half = seeded_randn({1, 4, 8, 8}, 5, torch::TensorOptions().dtype(torch::kFloat16));
    EXPECT_EQ(half.scalar_type(), torch::kFloat16);
    EXPECT_CLOSE(half, seeded_randn({1, 4, 8, 8}, 5).to(torch::kFloat16), exact);
}

}  // namespace
}  // namespace hra

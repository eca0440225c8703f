// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// LibTorch's CPU generator gives the numbers that Python's torch gives for the same seed.
#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

#include "schedulers/noise.h"
#include "support/expect_close.h"
#include "support/fixtures.h"

namespace hra {
namespace {

// The last bit may differ in the logarithm and cosine of the Box-Muller transform.
constexpr test::Tolerance last_bit{1e-6};
constexpr test::Tolerance exact{0};

/// Python: torch.Generator().manual_seed(seed), then the call that the golden tensor's name tells.
torch::Tensor draw(const std::string& what, const torch::Tensor& expected, std::uint64_t seed) {
    const auto generator = seeded_generator(seed);
    const auto options = torch::TensorOptions().dtype(expected.scalar_type());
    if (what.starts_with("rand_")) return torch::rand(expected.sizes(), generator, options);
    if (what.starts_with("randperm_")) return torch::randperm(expected.numel(), generator, options);
    if (what.starts_with("randint_")) {
        const auto end = what.rfind('_');
        const auto begin = what.find('_') + 1;
        return torch::randint(std::stoll(what.substr(begin, end - begin)), std::stoll(what.substr(end + 1)),
                              expected.sizes(), generator, options);
    }
    return seeded_randn(expected.sizes(), generator, options);
}

TEST(SeededNoise, IsThatOfPython) {
    const auto golden = test::golden("rng/golden.safetensors");
    std::size_t compared = 0;
    for (const auto& [name, expected] : golden) {
        const auto dot = name.find('.');
        const auto seed = std::stoull(name.substr(0, dot));
        const auto what = name.substr(dot + 1);
        if (!what.starts_with("rand")) continue;
        EXPECT_CLOSE(draw(what, expected, seed), expected, expected.is_floating_point() ? last_bit : exact)
            << name;
        ++compared;
    }
    EXPECT_GT(compared, 0U);
}

TEST(SeededNoise, ContinuesThroughASequenceOfCalls) {
    const auto golden = test::golden("rng/golden.safetensors");
    for (const auto& seed : test::case_names(golden, '.')) {
        SCOPED_TRACE(seed);
        const auto generator = seeded_generator(std::stoull(seed));
        const auto& a = golden.at(seed + ".sequence.a");
        const auto& b = golden.at(seed + ".sequence.b");
        const auto& c = golden.at(seed + ".sequence.c");
        EXPECT_CLOSE(seeded_randn(a.sizes(), generator), a, last_bit);
        EXPECT_CLOSE(torch::randint(1000, b.sizes(), generator, torch::TensorOptions().dtype(torch::kInt64)),
                     b, exact);
        EXPECT_CLOSE(seeded_randn(c.sizes(), generator), c, last_bit);
    }
}

TEST(SeededNoise, MakesHRAsFirstWeights) {
    const auto golden = test::golden("rng/golden.safetensors");
    for (const auto& [name, expected] : golden) {
        const auto at = name.find(".hra_init_");
        if (at == std::string::npos) continue;
        auto generator = seeded_generator(std::stoull(name.substr(0, at)));
        const auto half = expected.size(1) / 2;
        const double bound = std::sqrt(6 / ((1 + 5) * static_cast<double>(half)));
        const auto u = torch::empty({expected.size(0), half}).uniform_(-bound, bound, generator);
        EXPECT_CLOSE(u.repeat_interleave(2, 1), expected, last_bit) << name;
    }
}

}  // namespace
}  // namespace hra

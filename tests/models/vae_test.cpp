// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Tiling, and the autoencoder in bfloat16.
#include <gtest/gtest.h>

#include <torch/torch.h>

#include "core/error.h"
#include "models/autoencoder_kl.h"
#include "models/tiling.h"
#include "support/expect_close.h"
#include "support/fixtures.h"
#include "support/modules.h"

namespace hra {
namespace {

constexpr test::Tolerance tolerance{1e-5};
constexpr test::Tolerance bfloat16_tolerance{0, 0.08};  // some 30 layers of 0.4 % roundings

AutoencoderKL small_vae() {
    AutoencoderKLConfig config;
    config.block_out_channels = {8, 16, 16};
    config.norm_num_groups = 4;
    config.layers_per_block = 1;
    config.sample_size = 32;
    AutoencoderKL vae(config);
    test::randomize(*vae, 31);
    return vae;
}

TEST(Tiling, OfAPointwiseFunctionChangesNothing) {
    torch::manual_seed(1);
    for (const std::int64_t size : {1, 7, 8, 9, 20, 33}) {
        const auto x = torch::randn({2, 3, size, size + 5});
        const auto y = tiled(x, {8, 8, 0.25}, [](const auto& part) { return part * 2 + 1; });
        EXPECT_CLOSE(y, x * 2 + 1, tolerance) << size;
        const auto larger = tiled(x, {8, 16, 0.25}, [](const auto& part) {
            return part.repeat_interleave(2, 2).repeat_interleave(2, 3).clone();
        });
        EXPECT_CLOSE(larger, x.repeat_interleave(2, 2).repeat_interleave(2, 3), tolerance) << size;
    }
}

TEST(Tiling, FadesFromOneTileIntoTheNext) {
    float value = 0;
    const auto y = tiled(torch::zeros({1, 1, 4, 14}), {8, 8, 0.25},
                         [&](const auto& part) { return torch::full_like(part, value++); });
    // Tiles start at 0, 6 and 12; the first two columns of each fade in.
    const auto row = torch::tensor({0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.5});
    EXPECT_CLOSE(y, row.view({1, 1, 1, 14}).expand({1, 1, 4, 14}), tolerance);
}

TEST(Tiling, RefusesUselessTiles) {
    const auto same = [](const torch::Tensor& part) { return part; };
    EXPECT_ERROR(tiled(torch::zeros({1, 1, 4, 4}), {1, 8, 0.25}, same), "at least 2 elements");
    EXPECT_ERROR(tiled(torch::zeros({1, 1, 4, 4}), {8, 8, 0.9}, same), "overlap by 0 to 0.5");
}

TEST(AutoencoderKL, TilesAreDecodedAloneWhereTheyDoNotOverlap) {
    const torch::NoGradGuard no_grad;
    auto vae = small_vae();
    const auto latents = torch::randn({1, 4, 14, 11});
    const auto corner = vae->decode(latents.slice(2, 0, 8).slice(3, 0, 8));
    vae->memory.tiling = true;
    const auto tiled_picture = vae->decode(latents);
    EXPECT_EQ(tiled_picture.sizes(), (std::vector<std::int64_t>{1, 3, 56, 44}));
    EXPECT_CLOSE(tiled_picture.slice(2, 0, 24).slice(3, 0, 24), corner.slice(2, 0, 24).slice(3, 0, 24),
                 tolerance);
    EXPECT_EQ(vae->encode(tiled_picture).mean.sizes(), latents.sizes());
}

TEST(AutoencoderKL, SmallPicturesAreNotTiled) {
    const torch::NoGradGuard no_grad;
    auto vae = small_vae();
    const auto latents = torch::randn({2, 4, 8, 8});
    const auto whole = vae->decode(latents);
    vae->memory = {.slicing = true, .tiling = true};
    EXPECT_CLOSE(vae->decode(latents), whole, tolerance);
    EXPECT_CLOSE(vae->encode(whole).mean, small_vae()->encode(whole).mean, tolerance);
}

TEST(AutoencoderKL, LogVariancesAreClamped) {
    const auto moments = torch::cat(
        {torch::zeros({1, 2, 1, 1}), torch::full({1, 1, 1, 1}, -99.0), torch::full({1, 1, 1, 1}, 99.0)}, 1);
    const DiagonalGaussianDistribution latents(moments);
    EXPECT_EQ(latents.logvar.min().item<float>(), -30);
    EXPECT_EQ(latents.logvar.max().item<float>(), 20);
}

TEST(AutoencoderKL, RunsInBfloat16) {
    const torch::NoGradGuard no_grad;
    auto vae = small_vae();
    const auto picture = torch::randn({1, 3, 32, 24});
    const auto latents = vae->encode(picture).mode();
    const auto decoded = vae->decode(latents);
    vae->to(torch::kBFloat16);
    EXPECT_CLOSE(vae->encode(picture).mode(), latents, bfloat16_tolerance);
    EXPECT_CLOSE(vae->decode(latents), decoded, bfloat16_tolerance);
}

}  // namespace
}  // namespace hra

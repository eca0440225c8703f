// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The autoencoder against diffusers.
#include <gtest/gtest.h>

#include <torch/torch.h>

#include "models/fixture_models.h"
#include "support/expect_close.h"

namespace hra {
namespace {

constexpr test::Tolerance tolerance{1e-4};        // the original differs from its own float64 run by 4e-6
constexpr test::Tolerance image_tolerance{1e-3};  // final images: the fixture's own limit

class VaeGolden : public ::testing::Test {
protected:
    void SetUp() override {
        vae = test::load_vae("vae");
        expected = test::golden("vae/golden.safetensors");
    }

    const torch::NoGradGuard no_grad;
    AutoencoderKL vae{nullptr};
    StateDict expected;
};

TEST_F(VaeGolden, Encode) {
    for (const auto& name : test::case_names(expected, '.')) {
        const auto value = [&](const std::string& part) { return expected.at(name + '.' + part); };
        const auto moments = vae->quant_conv(vae->encoder(value("image")));
        EXPECT_CLOSE(moments, value("moments"), tolerance) << name;
        const auto latents = vae->encode(value("image"));
        EXPECT_CLOSE(latents.mean, value("mean"), tolerance) << name;
        EXPECT_CLOSE(latents.logvar, value("logvar"), tolerance) << name;
        const auto sampled = latents.sample(value("noise"));
        EXPECT_CLOSE(sampled, value("sampled_latents"), tolerance) << name;
        EXPECT_CLOSE(sampled * vae->config.scaling_factor, value("scaled_latents"), tolerance) << name;
    }
}

TEST_F(VaeGolden, Decode) {
    for (const auto& name : test::case_names(expected, '.')) {
        const auto value = [&](const std::string& part) { return expected.at(name + '.' + part); };
        EXPECT_CLOSE(vae->decode(value("z")), value("decoded"), tolerance) << name;
        const auto reconstruction = vae->decode(vae->encode(value("image")).mode());
        EXPECT_CLOSE(reconstruction, value("reconstruction_of_mode"), tolerance) << name;
    }
}

TEST_F(VaeGolden, SlicingGivesTheSame) {
    vae->memory.slicing = true;
    for (const auto& name : test::case_names(expected, '.'))
        EXPECT_CLOSE(vae->decode(expected.at(name + ".z")), expected.at(name + ".decoded"), tolerance)
            << name;
}

TEST_F(VaeGolden, InnerActivations) {
    const std::string reduced = ".every_second_pixel_of_first_image";
    for (const auto& name : test::case_names(expected, '.')) {
        const auto actual = test::activations(*vae, [&] {
            vae->encode(expected.at(name + ".image"));
            vae->decode(expected.at(name + ".z"));
        });
        const auto prefix = name + ".inner.";
        for (const auto& [key, tensor] : expected) {
            if (!key.starts_with(prefix)) continue;
            auto module = key.substr(prefix.size());
            const bool part = module.ends_with(reduced);
            if (part) module.resize(module.size() - reduced.size());
            ASSERT_EQ(actual.count(module), 1u) << module;
            auto output = actual.at(module);
            if (part)
                output = output.slice(0, 0, 1).slice(2, 0, output.size(2), 2).slice(3, 0, output.size(3), 2);
            EXPECT_CLOSE(output, tensor, tolerance) << key;
        }
    }
}

/// The pipeline's VAE has the attention names of the hub's file.
TEST(PipelineVaeGolden, ImagesOfFinalLatents) {
    const torch::NoGradGuard no_grad;
    auto vae = test::load_vae("pipeline/vae");
    const auto expected = test::golden("pipeline/golden.safetensors");
    const std::string ending = ".image";
    std::size_t compared = 0;
    for (const auto& [name, image] : expected) {
        if (!name.ends_with(ending)) continue;
        const auto& latents = expected.at(name.substr(0, name.size() - ending.size()) + ".latents");
        const auto decoded = vae->decode(latents / vae->config.scaling_factor);
        EXPECT_CLOSE((decoded / 2 + 0.5).clamp(0, 1), image, image_tolerance) << name;
        ++compared;
    }
    EXPECT_GT(compared, 0u);
}

}  // namespace
}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "text/generation_parameters.h"

#include <random>

#include <gtest/gtest.h>

namespace hra {
namespace {

GenerationParameters example() {
    GenerationParameters p;
    p.prompt = "a (red:1.3) dog,\nin the snow";
    p.negative_prompt = "blurry, low quality";
    p.steps = 20;
    p.sampler = "dpmpp_2m_karras";
    p.cfg_scale = 7.5;
    p.seed = 42;
    p.width = 512;
    p.height = 768;
    p.model_hash = "abcdef0123";
    p.model = "v1-5: pruned, \"ema\"";
    p.denoising_strength = 0.6;
    p.clip_skip = 2;
    p.others = {{"HRA strength", "0.8"}, {"Note", "two\nlines"}};
    p.version = "hra 0.1.0";
    return p;
}

TEST(GenerationParameters, AreWrittenAsTheWebUiDoes) {
    EXPECT_EQ(format_generation_parameters(example()),
              "a (red:1.3) dog,\nin the snow\n"
              "Negative prompt: blurry, low quality\n"
              "Steps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7.5, Seed: 42, Size: 512x768, "
              "Model hash: abcdef0123, Model: \"v1-5: pruned, \\\"ema\\\"\", Denoising strength: 0.6, "
              "Clip skip: 2, HRA strength: 0.8, Note: \"two\\nlines\", Version: hra 0.1.0");
}

TEST(GenerationParameters, ComeBack) {
    const auto text = format_generation_parameters(example());
    const auto read = parse_generation_parameters(text);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->prompt, example().prompt);
    EXPECT_EQ(read->negative_prompt, example().negative_prompt);
    EXPECT_EQ(read->sampler, "dpmpp_2m_karras");
    EXPECT_EQ(read->seed, 42U);
    EXPECT_EQ(read->height, 768);
    EXPECT_EQ(read->model, example().model);
    EXPECT_EQ(read->others, example().others);
    EXPECT_EQ(format_generation_parameters(*read), text);
}

TEST(GenerationParameters, AreReadFromNewerWebUis) {
    const auto read = parse_generation_parameters(
        "cat\nSteps: 30, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 18446744073709551615, "
        "Size: 512x512, Lora hashes: \"x: 1, y: 2\", Version: v1.9.4");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->prompt, "cat");
    EXPECT_EQ(read->negative_prompt, "");
    EXPECT_EQ(read->sampler, "dpmpp_2m_karras");
    EXPECT_EQ(read->cfg_scale, 7.0);
    EXPECT_EQ(read->seed, 18446744073709551615U);
    ASSERT_EQ(read->others.size(), 1U);
    EXPECT_EQ(read->others[0].second, "x: 1, y: 2");
}

TEST(GenerationParameters, KeepWhatIsNoNumber) {
    const auto read = parse_generation_parameters("Steps: 20, Sampler: Mine, Seed: none, Size: bigxsmall");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->sampler, "Mine");
    EXPECT_FALSE(read->seed);
    EXPECT_FALSE(read->width);
    EXPECT_EQ(read->others.size(), 2U);
}

TEST(GenerationParameters, AreNotSeenInOtherTexts) {
    EXPECT_FALSE(parse_generation_parameters(""));
    EXPECT_FALSE(parse_generation_parameters("a dog"));
    EXPECT_FALSE(parse_generation_parameters("one thing: a, another: b, third: c"));
    EXPECT_FALSE(parse_generation_parameters("{\"Steps\": 20}"));
}

TEST(SamplerNames, GoBothWays) {
    for (const char* name : {"ddpm", "ddim", "pndm", "euler", "euler_a", "heun", "lms", "dpmpp_2m",
                             "dpmpp_2m_karras", "dpmpp_sde", "unipc"})
        EXPECT_EQ(sampler_name(sampler_label(name)), name);
    EXPECT_EQ(sampler_name("euler A"), "euler_a");
    EXPECT_EQ(sampler_label("unheard_of"), "unheard_of");
}

TEST(GenerationParameters, SurviveAnyText) {
    const std::string good = format_generation_parameters(example());
    std::mt19937 random(5);
    for (int round = 0; round < 5000; ++round) {
        std::string text = good;
        for (unsigned i = 0; i < 1 + random() % 8; ++i)
            text[random() % text.size()] = static_cast<char>(random());
        if (const auto read = parse_generation_parameters(text)) format_generation_parameters(*read);
        for (char& c : text) c = "ab:, \"\\x1\n"[random() % 10];
        parse_generation_parameters(text);
    }
    std::string line = "Steps: 20, ";
    for (int i = 0; i < 100000; ++i) line += "ab: \"\\\", ";
    EXPECT_TRUE(parse_generation_parameters(line + std::string(1'000'000, 'a')));
}

}  // namespace
}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The generate pipeline end to end.
#include "pipelines/generate/generate.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <set>

#include <gtest/gtest.h>

#include <torch/torch.h>

#include "core/files.h"
#include "image/load.h"
#include "image/png.h"
#include "pipelines/tiny_model.h"
#include "weights/safetensors.h"

namespace hra {
namespace {

namespace fs = std::filesystem;

/// The largest difference of two pictures' samples.
int largest_difference(const Image& a, const Image& b) {
    if (a.pixels.size() != b.pixels.size()) return 256;
    int worst = 0;
    for (std::size_t i = 0; i < a.pixels.size(); ++i)
        worst = std::max(worst, std::abs(int{a.pixels[i]} - int{b.pixels[i]}));
    return worst;
}

class Generate : public ::testing::Test {
protected:
    test::TemporaryFolder folder_;
    GenerateOptions options_ = test::tiny_options(folder_.path() / "out");
    int pictures() const {
        int count = 0;
        if (fs::exists(options_.output_dir))
            for (const auto& entry : fs::directory_iterator(options_.output_dir))
                count += entry.path().extension() == ".png";
        return count;
    }
};

TEST_F(Generate, WritesThePictureAndItsOptions) {
    const auto result = generate(options_);
    ASSERT_EQ(result.images.size(), 1u);
    const Image saved = load_image(result.images[0].path);
    EXPECT_EQ(saved.width, 64);
    EXPECT_EQ(saved.height, 64);
    EXPECT_EQ(saved.pixels, result.images[0].picture.pixels);
    GenerateOptions read;
    options_from_json(read_json(fs::path(options_.output_dir) / "options.json"), read, "options.json");
    EXPECT_EQ(options_to_json(read), options_to_json(options_));
    EXPECT_GT(result.step_seconds, 0);
}

TEST_F(Generate, ASeedGivesTheSamePictureAloneAndInABatch) {
    options_.num_images = 3;
    options_.batch_size = 2;
    options_.scheduler = "euler_a";  // draws noise at every step
    const auto batch = generate(options_);
    ASSERT_EQ(batch.images.size(), 3u);
    for (const auto& image : batch.images) {
        const auto alone = options_from_image(image.path);
        EXPECT_EQ(alone.seed, image.seed);
        const auto again = generate(alone);
        EXPECT_LE(largest_difference(again.images.at(0).picture, image.picture), 1) << image.path;
    }
}

TEST_F(Generate, EveryLineOfAPromptsFileGivesAPicture) {
    write_file(folder_.path() / "prompts.txt", "a cat\r\n\na dog in the snow\n");
    options_.prompt.clear();
    options_.prompts_file = (folder_.path() / "prompts.txt").string();
    const auto result = generate(options_);
    ASSERT_EQ(result.images.size(), 2u);
    EXPECT_EQ(result.images[0].prompt, "a cat");
    EXPECT_EQ(result.images[1].prompt, "a dog in the snow");
    EXPECT_NE(result.images[0].picture.pixels, result.images[1].picture.pixels);
}

TEST_F(Generate, EverySchedulerAndShapeMakesAPicture) {
    options_.width = 72;  // latents of 9 x 7: no power of two anywhere
    options_.height = 56;
    ImageGenerator generator(options_);
    for (const auto& name : scheduler_choices()) {
        options_.scheduler = name;
        options_.steps = 4;
        const auto image = generator.run(options_).images.at(0);
        EXPECT_EQ(image.picture.width, 72) << name;
        EXPECT_EQ(image.picture.height, 56) << name;
    }
}

TEST_F(Generate, ImageToImageStaysNearThePictureAtLowStrength) {
    Image init(80, 64, 3);
    for (std::size_t i = 0; i < init.pixels.size(); ++i) init.pixels[i] = static_cast<std::uint8_t>(i % 251);
    save_png(folder_.path() / "init.png", init);
    options_.init_image = (folder_.path() / "init.png").string();
    options_.width = options_.height = 0;
    options_.steps = 10;
    options_.strength = 0.2;
    const auto result = generate(options_);
    EXPECT_EQ(result.images.at(0).picture.width, 80);
    EXPECT_EQ(result.images.at(0).picture.height, 64);
    options_.strength = 0.05;
    EXPECT_ERROR(generate(options_), "nothing would be redrawn");
}

TEST_F(Generate, WeightedPromptsTakeAnyLengthAndChangeThePicture) {
    const auto plain = generate(options_);
    options_.prompt_syntax = "weighted";
    EXPECT_LE(largest_difference(generate(options_).images[0].picture, plain.images[0].picture), 1);
    options_.prompt = "a photo of a (dog:1.5)";
    EXPECT_NE(generate(options_).images[0].picture.pixels, plain.images[0].picture.pixels);
    for (int i = 0; i < 100; ++i) options_.prompt += " very fluffy";
    EXPECT_EQ(generate(options_).images.size(), 1u);
}

TEST_F(Generate, HalfPrecisionAndTilingStayNearThePlainPicture) {
    const auto plain = generate(options_).images[0].picture;
    options_.vae_tiling = true;
    EXPECT_LE(largest_difference(generate(options_).images[0].picture, plain), 1);  // one tile
    options_.dtype = "bf16";
    const auto half = generate(options_).images[0].picture;
    double difference = 0;
    for (std::size_t i = 0; i < plain.pixels.size(); ++i)
        difference += std::abs(int{plain.pixels[i]} - int{half.pixels[i]});
    EXPECT_LT(difference / static_cast<double>(plain.pixels.size()), 4);  // bf16 has 8 bits of precision
}

TEST_F(Generate, StopsWithinAStepAndKeepsFinishedPictures) {
    options_.num_images = 3;
    std::stop_source stop;
    Hooks hooks;
    hooks.stop = stop.get_token();
    hooks.on_image = [&](const std::string&, const Image&) { stop.request_stop(); };
    EXPECT_THROW(generate(options_, hooks), Cancelled);
    EXPECT_EQ(pictures(), 1);
}

TEST_F(Generate, TellsProgressAndShowsPreviews) {
    std::vector<Progress> seen;
    int previews = 0;
    Hooks hooks;
    hooks.on_progress = [&](const Progress& p) { seen.push_back(p); };
    hooks.on_preview = [&](int, const Image& image) {
        ++previews;
        EXPECT_EQ(image.width, 8);
    };
    generate(options_, hooks);
    EXPECT_EQ(previews, 2);
    EXPECT_EQ(seen.front().stage, "load");
    EXPECT_EQ(seen.back().step, seen.back().steps);
}

TEST_F(Generate, FindsBadOptionsBeforeAnythingIsWritten) {
    const auto expect = [&](auto change, const char* message) {
        GenerateOptions options = options_;
        change(options);
        EXPECT_ERROR(generate(options), message);
    };
    expect([](auto& o) { o.model = "/no/such/model"; }, "does not exist");
    expect([](auto& o) { o.model.clear(); }, "wanted a model");
    expect([](auto& o) { o.prompt.clear(); }, "wanted a prompt");
    expect([](auto& o) { o.width = 500; }, "multiple of 8, got 500");
    expect([](auto& o) { o.scheduler = "eulr"; }, "did you mean \"euler\"");
    expect([](auto& o) { o.steps = 0; }, "wanted steps from 1 to 1000, got 0");
    expect([](auto& o) { o.dtype = "fp16"; }, "fp32 or bf16 on a CPU");
    expect([](auto& o) { o.device = "tpu"; }, "wanted auto, cpu, cuda");
    expect([](auto& o) { o.init_image = "/no/such/image.png"; }, "/no/such/image.png");
    expect(
        [](auto& o) {
            o.prompts_file = "/no/such/file";
            o.prompt.clear();
        },
        "/no/such/file");
    EXPECT_EQ(pictures(), 0);
    write_file(folder_.path() / "file", "not a folder");
    expect([&](auto& o) { o.output_dir = (folder_.path() / "file").string(); }, "folder");
}

TEST_F(Generate, SaysWhenTheNumbersAreBrokenAndWritesNoPicture) {
    const auto model = folder_.path() / "model";
    fs::copy(test::tiny_model(), model, fs::copy_options::recursive);
    const auto weights = model / "unet" / "diffusion_pytorch_model.safetensors";
    StateDict tensors;
    for (const auto& [name, tensor] : read_safetensors(weights).tensors) tensors[name] = tensor.clone();
    tensors.at("conv_in.weight").fill_(std::numeric_limits<float>::quiet_NaN());
    fs::permissions(model / "unet", fs::perms::owner_all);
    write_safetensors(weights, tensors);
    options_.model = model.string();
    EXPECT_ERROR(generate(options_), "wanted finite latents");
    EXPECT_EQ(pictures(), 0);
}

TEST_F(Generate, AModelThatMissesWeightsIsRefused) {
    const auto model = folder_.path() / "model";
    fs::copy(test::tiny_model(), model, fs::copy_options::recursive);
    fs::permissions(model / "unet", fs::perms::owner_all);
    const auto weights = model / "unet" / "diffusion_pytorch_model.safetensors";
    StateDict tensors = read_safetensors(weights).tensors;
    tensors.erase("conv_in.weight");
    write_safetensors(weights, tensors);
    options_.model = model.string();
    EXPECT_ERROR(generate(options_), "conv_in.weight");
}

TEST(OptionsFromImage, ReadsWhatOtherProgramsWrote) {
    const test::TemporaryFolder folder;
    const auto path = folder.path() / "a1111.png";
    save_png(path, Image(8, 8, 3),
             {{"parameters",
               "a cat\nNegative prompt: blurry\nSteps: 20, Sampler: DPM++ 2M Karras, CFG scale: 6.5, "
               "Seed: 1234, Size: 640x384, Clip skip: 2"}});
    const auto options = options_from_image(path.string());
    EXPECT_EQ(options.prompt, "a cat");
    EXPECT_EQ(options.negative_prompt, "blurry");
    EXPECT_EQ(options.scheduler, "dpmpp_2m_karras");
    EXPECT_EQ(options.steps, 20);
    EXPECT_EQ(options.seed, 1234);
    EXPECT_EQ(options.width, 640);
    EXPECT_EQ(options.height, 384);
    EXPECT_EQ(options.clip_skip, 2);
    save_png(path, Image(8, 8, 3));
    EXPECT_ERROR(options_from_image(path.string()), "without such metadata");
}

}  // namespace
}  // namespace hra

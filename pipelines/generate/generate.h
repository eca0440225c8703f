// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Text-to-image and image-to-image with Stable Diffusion v1.5.
//
//   hra::GenerateOptions options;
//   options.model = "stable-diffusion-v1-5";
//   options.prompt = "a photo of a corgi in the snow";
//   hra::ImageGenerator generator(options);         // loads the model
//   for (const auto& image : generator.run(options).images) show(image.path, image.picture);
//
// diffusers: pipelines/stable_diffusion/pipeline_stable_diffusion.py and ..._img2img.py
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/hooks.h"
#include "core/image.h"
#include "core/options.h"

namespace hra {

/// The names that the option `scheduler` takes; the empty one stands for the model's own.
std::vector<std::string> scheduler_choices();

struct GenerateOptions {
    std::string model;
    std::string variant;
    std::string tokenizer;
    bool ema = false;

    std::string prompt;
    std::string negative_prompt;
    std::string prompts_file;
    std::string prompt_syntax = "plain";
    std::int64_t clip_skip = 1;

    std::int64_t steps = 50;
    double guidance_scale = 7.5;
    double guidance_rescale = 0.0;
    std::string scheduler;
    double eta = 0.0;
    std::int64_t seed = -1;
    std::int64_t width = 0;
    std::int64_t height = 0;
    std::int64_t num_images = 1;
    std::int64_t batch_size = 1;

    std::string init_image;
    double strength = 0.8;

    std::string device = "auto";
    std::string dtype = "auto";
    std::int64_t threads = 0;
    bool vae_tiling = false;

    std::string output_dir = "outputs";

    template <class Self, class V>
    static void visit(Self& o, V&& v) {
        v.section("Model");
        v("model", o.model, "Model folder (diffusers layout) or single .safetensors/.ckpt file");
        v("variant", o.variant,
          "Weights variant of a model folder, for example fp16; empty: whatever is there");
        v("tokenizer", o.tokenizer, "Folder with vocab.json and merges.txt, for single-file models");
        v("ema", o.ema, "Take the EMA weights of a single file that holds both");
        v.section("Prompt");
        v("prompt", o.prompt, "What the picture shows");
        v("negative_prompt", o.negative_prompt, "What guidance moves away from");
        v("prompts_file", o.prompts_file, "Text file with one prompt a line, instead of --prompt");
        v("prompt_syntax", o.prompt_syntax,
          "plain: as diffusers, 77 tokens; weighted: (word:1.3), [word], BREAK and prompts of any length",
          OneOf{{"plain", "weighted"}});
        v("clip_skip", o.clip_skip, "Text encoder layer counted from the end; 1 is the last", Range{1, 12});
        v.section("Sampling");
        v("steps", o.steps, "Denoising steps", Range{1, 1000});
        v("guidance_scale", o.guidance_scale, "Strength of classifier-free guidance; 1 switches it off",
          Range{0, 100});
        v("guidance_rescale", o.guidance_rescale, "Rescaling of the guided noise against over-exposure",
          Range{0, 1});
        v("scheduler", o.scheduler, "Sampler; empty: the one the model names", OneOf{scheduler_choices()});
        v("eta", o.eta, "Noise of the ddim scheduler; 0 is deterministic", Range{0, 1});
        v("seed", o.seed, "Seed of the first picture, the next ones count up; -1: a random one",
          Range{-1, 9007199254740991.0});
        v("width", o.width, "Width in pixels, a multiple of 8; 0: the model's own", Range{0, 8192});
        v("height", o.height, "Height in pixels, a multiple of 8; 0: the model's own", Range{0, 8192});
        v("num_images", o.num_images, "Pictures for each prompt", Range{1, 100000});
        v("batch_size", o.batch_size, "Pictures that are computed together", Range{1, 256});
        v.section("Image to image");
        v("init_image", o.init_image, "Picture to start from");
        v("strength", o.strength, "How much of it is redrawn: 0 nothing, 1 everything", Range{0, 1});
        v.section("Computing");
        v("device", o.device, "auto, cpu, cuda or cuda:N");
        v("dtype", o.dtype, "Number format; auto takes what is fast on the device",
          OneOf{{"auto", "fp32", "bf16", "fp16"}});
        v("threads", o.threads, "CPU threads; 0: all cores", Range{0, 1024});
        v("vae_tiling", o.vae_tiling, "Decode in tiles: less memory for large pictures");
        v.section("Output");
        v("output_dir", o.output_dir, "Folder for the pictures and options.json");
    }
};

struct GeneratedImage {
    std::string path;  // the PNG that was written
    std::string prompt;
    std::int64_t seed;
    Image picture;
};

struct GenerateResult {
    std::vector<GeneratedImage> images;
    double load_seconds = 0;  // model loading and prompt encoding, before the first step
    double step_seconds = 0;  // mean of one denoising step
};

/// A loaded model that makes pictures. Not thread-safe: one run at a time.
class ImageGenerator {
public:
    /// Loads the model that `options` names. Throws Error when a file is missing or broken.
    explicit ImageGenerator(const GenerateOptions& options, const Hooks& hooks = {});
    ~ImageGenerator();
    ImageGenerator(ImageGenerator&&) noexcept;
    ImageGenerator& operator=(ImageGenerator&&) noexcept;

    /// Makes the pictures and writes them, each as soon as it is finished, with options.json beside them. The
    /// options that choose model, device and dtype are those of the constructor. Throws Error, or Cancelled
    /// when hooks.stop is set; finished pictures stay.
    GenerateResult run(const GenerateOptions& options, const Hooks& hooks = {});

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Everything that can be found wrong without loading the model: ranges, sizes, files, the output folder.
/// Throws Error.
void validate(const GenerateOptions& options);

/// The options that a PNG of ours, or of an A1111-family program, carries. Throws Error when there are none.
GenerateOptions options_from_image(const std::string& path);

/// Validates, loads and runs.
GenerateResult generate(const GenerateOptions& options, const Hooks& hooks = {});

}  // namespace hra

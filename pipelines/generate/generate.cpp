// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "pipelines/generate/generate.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <random>
#include <sstream>
#include <utility>

#include <torch/torch.h>

#include "core/files.h"
#include "core/log.h"
#include "image/load.h"
#include "image/png.h"
#include "image/resize.h"
#include "kernels/blas_info.h"
#include "pipelines/generate/metadata.h"
#include "sampling/denoise.h"
#include "sampling/image_tensor.h"
#include "sampling/prompt_encoding.h"
#include "sampling/stable_diffusion.h"
#include "schedulers/names.h"

namespace hra {
namespace {

namespace fs = std::filesystem;
constexpr const char* where = "generate";

/// One picture to make.
struct Job {
    std::string prompt;
    std::int64_t seed;
};

/// Picture size in pixels.
struct Size {
    std::int64_t width, height;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::vector<std::string> read_prompts(const GenerateOptions& options) {
    if (options.prompts_file.empty()) return {options.prompt};
    std::istringstream lines(read_file(options.prompts_file));
    std::vector<std::string> prompts;
    for (std::string line; std::getline(lines, line);) {
        if (line.ends_with('\r')) line.pop_back();
        if (!line.empty()) prompts.push_back(line);
    }
    check(!prompts.empty(), where, "wanted at least one prompt in ", options.prompts_file,
          ", got only empty lines");
    return prompts;
}

/// Pictures of a run: for each prompt num_images seeds that count up, so that each picture can be made again
/// alone.
std::vector<Job> jobs_of(const GenerateOptions& options) {
    std::vector<Job> jobs;
    for (const auto& prompt : read_prompts(options))
        for (std::int64_t i = 0; i < options.num_images; ++i) jobs.push_back({prompt, options.seed + i});
    return jobs;
}

std::int64_t random_seed() {
    return static_cast<std::int64_t>(std::random_device{}());
}

void check_size(std::int64_t extent, const char* name, std::int64_t multiple) {
    check(extent % multiple == 0, where, "wanted a ", name, " that is a multiple of ", multiple, ", got ",
          extent, " (the nearest are ", extent / multiple * multiple, " and ",
          (extent / multiple + 1) * multiple, ")");
}

/// The size asked for; else that of the picture to start from, rounded down; else the model's own.
Size picture_size(const GenerateOptions& options, const StableDiffusion& model, const Image& init) {
    const std::int64_t scale = model.vae_scale();
    const auto choose = [&](std::int64_t asked, int of_init) {
        if (asked > 0) return asked;
        return init.empty() ? model.native_size() : std::max<std::int64_t>(of_init / scale * scale, scale);
    };
    const Size size{choose(options.width, init.width), choose(options.height, init.height)};
    check_size(size.width, "width", scale);
    check_size(size.height, "height", scale);
    return size;
}

/// The number for the next file, after those that are there.
std::int64_t next_index(const fs::path& folder) {
    std::int64_t next = 0;
    for (const auto& entry : fs::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
        if (error == std::errc() && *end == '-' && entry.path().extension() == ".png")
            next = std::max(next, number + 1);
    }
    return next;
}

std::string file_name(std::int64_t index, std::int64_t seed) {
    char text[64];
    std::snprintf(text, sizeof text, "%05lld-%lld.png", static_cast<long long>(index),
                  static_cast<long long>(seed));
    return text;
}

}  // namespace

struct ImageGenerator::State {
    StableDiffusion model;
    double load_seconds;
};

namespace {

/// One run of a loaded model.
class Run {
public:
    Run(StableDiffusion& model, const GenerateOptions& options, const Hooks& hooks)
        : model_(model),
          options_(options),
          hooks_(hooks),
          scheduler_(make_scheduler(options.scheduler, model.scheduler_config)) {
        if (options_.seed < 0) options_.seed = random_seed();
        if (!options_.init_image.empty()) init_ = load_image(options_.init_image);
        size_ = picture_size(options_, model_, init_);
        jobs_ = jobs_of(options_);
        scheduler_->set_timesteps(options_.steps);
        first_call_ = init_.empty() ? 0 : scheduler_->start_index(options_.strength);
        check(first_call_ < scheduler_->calls(), where, "wanted strength * steps to be at least 1, got ",
              options_.strength, " * ", options_.steps, " (nothing would be redrawn)");
        model_.vae->memory.tiling = options_.vae_tiling;
    }

    GenerateResult all() {
        next_file_ = next_index(options_.output_dir);
        write_file(fs::path(options_.output_dir) / "options.json", options_to_json(options_).dump(2) + "\n");
        report(0);
        for (std::size_t begin = 0; begin < jobs_.size();) begin += batch(begin);
        result_.step_seconds = step_time_ / std::max(1.0, static_cast<double>(steps_timed_));
        return std::move(result_);
    }

private:
    std::size_t calls_per_image() const { return scheduler_->calls() - first_call_; }

    void report(std::size_t calls_of_batch, std::size_t images_of_batch = 0) const {
        const std::size_t done = result_.images.size() * calls_per_image() + images_of_batch * calls_of_batch;
        hooks_.progress(
            {"sample", static_cast<int>(done), static_cast<int>(jobs_.size() * calls_per_image())});
    }

    /// Makes the pictures from `begin` on that share a prompt, batch_size of them at most. Returns how many.
    std::size_t batch(std::size_t begin) {
        std::size_t count = 1;
        while (begin + count < jobs_.size() && count < static_cast<std::size_t>(options_.batch_size) &&
               jobs_[begin + count].prompt == jobs_[begin].prompt)
            ++count;
        const auto latents = sample(begin, count);
        for (std::size_t i = 0; i < count; ++i) {
            hooks_.throw_if_stopped();
            finish(jobs_[begin + i],
                   latents.slice(0, static_cast<std::int64_t>(i), static_cast<std::int64_t>(i) + 1));
        }
        return count;
    }

    torch::Tensor sample(std::size_t begin, std::size_t count) {
        hooks_.throw_if_stopped();
        scheduler_->set_timesteps(options_.steps);  // forgets the history of the batch before
        std::vector<std::uint64_t> seeds;
        for (std::size_t i = 0; i < count; ++i)
            seeds.push_back(static_cast<std::uint64_t>(jobs_[begin + i].seed));
        NoiseSource noise = NoiseSource::per_image(seeds);
        const auto batch = static_cast<std::int64_t>(count);
        const PromptEmbeds embeds = encode(jobs_[begin].prompt);
        DenoiseInputs inputs;
        inputs.latents = first_latents(batch, noise);
        inputs.prompt_embeds = embeds.prompt.expand({batch, -1, -1});
        inputs.negative_embeds = embeds.negative.expand({batch, -1, -1});
        inputs.guidance_scale = options_.guidance_scale;
        inputs.guidance_rescale = options_.guidance_rescale;
        inputs.eta = options_.eta;
        inputs.first_call = first_call_;
        inputs.noise = std::ref(noise);
        if (result_.load_seconds == 0) result_.load_seconds = seconds_since(start_);
        const auto started = std::chrono::steady_clock::now();
        const auto latents =
            denoise(model_.unet, *scheduler_, inputs, [&](std::size_t done, const torch::Tensor& now) {
                report(done, count);
                preview(now);
                hooks_.throw_if_stopped();
            });
        step_time_ += seconds_since(started);
        steps_timed_ += calls_per_image();
        return latents;
    }

    /// The embeddings of the run's last prompt are kept: a prompt is encoded once however many pictures it
    /// gives.
    const PromptEmbeds& encode(const std::string& prompt) {
        if (encoded_prompt_ == prompt && embeds_.prompt.defined()) return embeds_;
        const auto syntax =
            options_.prompt_syntax == "weighted" ? PromptSyntax::weighted : PromptSyntax::plain;
        embeds_ = encode_prompts(model_.text_encoder, model_.tokenizer, prompt, options_.negative_prompt,
                                 syntax, options_.clip_skip);
        encoded_prompt_ = prompt;
        return embeds_;
    }

    /// Noise for text to image; the noised picture for image to image, drawn in the order in which diffusers
    /// draws.
    torch::Tensor first_latents(std::int64_t batch, NoiseSource& noise) {
        const std::int64_t scale = model_.vae_scale();
        const std::vector<std::int64_t> shape{batch, model_.vae->config.latent_channels, size_.height / scale,
                                              size_.width / scale};
        const auto like = torch::TensorOptions().dtype(torch::kFloat32).device(model_.device);
        if (init_.empty()) return noise(shape, like) * scheduler_->init_noise_sigma();
        const auto clean = encode_init(batch, shape, noise);
        return scheduler_->add_noise(clean, noise(shape, like), first_call_);
    }

    torch::Tensor encode_init(std::int64_t batch, const std::vector<std::int64_t>& shape,
                              NoiseSource& noise) {
        const torch::InferenceMode inference;
        const auto picture =
            resize(init_, static_cast<int>(size_.width), static_cast<int>(size_.height), Filter::lanczos);
        const auto pixels = image_to_tensor(picture).to(model_.device, model_.dtype);
        const auto moments = model_.vae->encode(pixels);
        const DiagonalGaussianDistribution each(
            torch::cat({moments.mean, moments.logvar}, 1).expand({batch, -1, -1, -1}));
        const auto sampled = each.sample(noise(shape, each.mean.options()));
        return sampled.to(torch::kFloat32) * model_.vae->config.scaling_factor;
    }

    void preview(const torch::Tensor& latents) const {
        if (!hooks_.on_preview || latents.size(1) != 4) return;
        for (std::int64_t i = 0; i < latents.size(0); ++i)
            hooks_.on_preview(static_cast<int>(result_.images.size()) + static_cast<int>(i),
                              preview_of_latents(latents[i]));
    }

    Image decode(const torch::Tensor& latents) {
        const torch::InferenceMode inference;
        const auto scaled = (latents / model_.vae->config.scaling_factor).to(model_.dtype);
        return tensor_to_images(model_.vae->decode(scaled)).front();
    }

    /// The options that make one picture of the run again, alone.
    GenerateOptions options_for(const Job& job) const {
        GenerateOptions one = options_;
        one.prompt = job.prompt;
        one.prompts_file.clear();
        one.seed = job.seed;
        one.num_images = 1;
        one.width = size_.width;
        one.height = size_.height;
        return one;
    }

    void finish(const Job& job, const torch::Tensor& latents) {
        Image picture = decode(latents);
        const GenerateOptions one = options_for(job);
        const fs::path path = fs::path(options_.output_dir) / file_name(next_file_++, job.seed);
        save_png(path, picture, image_metadata(one, scheduler_->config().class_name));
        if (hooks_.on_image) hooks_.on_image(path.string(), picture);
        result_.images.push_back({path.string(), job.prompt, job.seed, std::move(picture)});
        report(0);
    }

    StableDiffusion& model_;
    GenerateOptions options_;
    const Hooks& hooks_;
    std::unique_ptr<Scheduler> scheduler_;
    Image init_;
    Size size_{};
    std::vector<Job> jobs_;
    std::size_t first_call_ = 0;
    std::int64_t next_file_ = 0;
    std::string encoded_prompt_;
    PromptEmbeds embeds_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    double step_time_ = 0;
    std::size_t steps_timed_ = 0;
    GenerateResult result_;
};

}  // namespace

namespace {

/// Debian's LibTorch works with whatever BLAS is installed, and with one thread unless it is told otherwise.
void set_up_cpu(std::int64_t threads) {
    set_threads(threads);
    const BlasInfo blas = blas_info();
    if (blas.slow)
        log::warn("the matrix library is ", blas.name, " (", blas.path,
                  "), about fifty times slower than OpenBLAS; install libopenblas0-pthread");
}

}  // namespace

ImageGenerator::ImageGenerator(const GenerateOptions& options, const Hooks& hooks) {
    const auto start = std::chrono::steady_clock::now();
    constexpr int components = 3;
    int loaded = 0;
    hooks.progress({"load", 0, components});
    const auto after_component = [&] {
        hooks.progress({"load", ++loaded, components});
        hooks.throw_if_stopped();
    };
    set_up_cpu(options.threads);
    const auto device = device_from_name(options.device);
    const auto folder = ModelFolder::open(
        options.model,
        {.variant = options.variant, .tokenizer = options.tokenizer, .config = {}, .use_ema = options.ema});
    state_ = std::make_unique<State>(
        load_stable_diffusion(folder, device, dtype_from_name(options.dtype, device), after_component), 0.0);
    state_->load_seconds = seconds_since(start);
}

ImageGenerator::~ImageGenerator() = default;
ImageGenerator::ImageGenerator(ImageGenerator&&) noexcept = default;
ImageGenerator& ImageGenerator::operator=(ImageGenerator&&) noexcept = default;

GenerateResult ImageGenerator::run(const GenerateOptions& options, const Hooks& hooks) {
    validate(options);
    GenerateResult result = Run(state_->model, options, hooks).all();
    result.load_seconds += std::exchange(state_->load_seconds, 0);
    return result;
}

std::vector<std::string> scheduler_choices() {
    std::vector<std::string> choices{""};
    for (const auto& name : sampler_names()) choices.push_back(name);
    return choices;
}

void validate(const GenerateOptions& options) {
    check_options(options, where);
    check(!options.model.empty(), where, "wanted a model, got none (--model FOLDER or --model FILE)");
    check(fs::exists(options.model), where, "wanted a model folder or file, got ", options.model,
          ", which does not exist");
    check(options.prompt.empty() || options.prompts_file.empty(), where,
          "wanted --prompt or --prompts_file, got both");
    check(!options.prompt.empty() || !options.prompts_file.empty(), where,
          "wanted a prompt, got none (--prompt \"...\")");
    if (!options.prompts_file.empty()) read_prompts(options);
    if (!options.init_image.empty()) load_image(options.init_image);
    check_size(options.width, "width", 8);
    check_size(options.height, "height", 8);
    dtype_from_name(options.dtype, device_from_name(options.device));
    require_writable_folder(options.output_dir, where);
}

GenerateResult generate(const GenerateOptions& options, const Hooks& hooks) {
    validate(options);
    ImageGenerator generator(options, hooks);
    return generator.run(options, hooks);
}

}  // namespace hra

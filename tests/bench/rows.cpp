// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "bench/rows.h"

#include <cmath>
#include <filesystem>

#include <torch/torch.h>

#include "bench/ceilings.h"
#include "core/files.h"
#include "kernels/attention.h"
#include "nn/packing.h"
#include "pipelines/generate/generate.h"
#include "weights/safetensors.h"

namespace hra::bench {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t text_length = 77;
constexpr std::int64_t guided = 2;  // both halves of the guidance in one batch

/// Weights of the size that initialisation would give, so that activations stay finite.
torch::Tensor random_weight(const std::string& name, at::IntArrayRef shape, torch::TensorOptions options) {
    if (shape.size() < 2)
        return name.ends_with("bias") ? torch::zeros(shape, options) : torch::ones(shape, options);
    double fan_in = 1;
    for (std::size_t d = 1; d < shape.size(); ++d) fan_in *= static_cast<double>(shape[d]);
    return torch::empty(shape, options).uniform_(-std::sqrt(3 / fan_in), std::sqrt(3 / fan_in));
}

StateDict random_state_dict(const torch::nn::Module& module, torch::TensorOptions options) {
    StateDict weights;
    for (const auto& item : module.named_parameters())
        weights[item.key()] = random_weight(item.key(), item.value().sizes(), options);
    return weights;
}

/// A model on random weights, ready for inference as the pipeline makes it ready.
template <class Model>
Model random_model(Model model, torch::Device device, torch::ScalarType dtype) {
    for (auto& item : model->named_parameters())
        item.value().set_data(
            random_weight(item.key(), item.value().sizes(), torch::kFloat32).to(device, dtype));
    pack_for_inference(*model, dtype);
    return model;
}

Measurement unet_step(const Setting& setting, torch::ScalarType dtype, std::int64_t pixels) {
    const torch::InferenceMode inference;
    const UNet2DConditionConfig config;
    auto unet = random_model(UNet2DConditionModel(config), setting.device, dtype);
    const auto options = torch::TensorOptions().device(setting.device).dtype(torch::kFloat32);
    const std::int64_t side = pixels / 8;
    CrossAttentionCache cache;
    UNetInputs inputs;
    inputs.sample = torch::randn({guided, config.in_channels, side, side}, options);
    inputs.timestep = torch::tensor(500.0);
    inputs.encoder_hidden_states = torch::randn({guided, text_length, config.cross_attention_dim}, options);
    inputs.text_cache = &cache;
    return {fastest(setting.device, 2, [&] { unet(inputs); }),
            unet_work(config, guided, side, side, text_length)};
}

Measurement vae_decode(const Setting& setting, torch::ScalarType dtype, std::int64_t pixels) {
    const torch::InferenceMode inference;
    const AutoencoderKLConfig config;
    auto vae = random_model(AutoencoderKL(config), setting.device, dtype);
    const std::int64_t side = pixels / config.downscale();
    const auto latents = torch::randn({1, config.latent_channels, side, side}).to(setting.device, dtype);
    return {fastest(setting.device, 2, [&] { vae->decode(latents); }), vae_decode_work(config, side, side)};
}

Measurement text_encoder(const Setting& setting, torch::ScalarType dtype) {
    const torch::InferenceMode inference;
    const CLIPTextConfig config;
    auto model = random_model(CLIPTextModel(config), setting.device, dtype);
    const auto ids =
        torch::randint(config.vocab_size, {guided, text_length}, torch::kInt64).to(setting.device);
    return {fastest(setting.device, 5, [&] { model(ids); }), text_encoder_work(config, guided, text_length)};
}

/// Self-attention of a guided step at one of the UNet's resolutions.
Measurement self_attention(const Setting& setting, torch::ScalarType dtype, std::int64_t tokens,
                           std::int64_t channels) {
    const torch::InferenceMode inference;
    const auto make = [&] { return torch::randn({guided, tokens, channels}).to(setting.device, dtype); };
    const auto q = make(), k = make(), v = make();
    Work work;
    work.attention = 4.0 * static_cast<double>(guided * tokens * tokens * channels);
    return {fastest(setting.device, 5, [&] { attention(q, k, v, 8); }), work};
}

template <class Model>
void write_component(const fs::path& folder, const Model& model, const char* file, const Json& config,
                     torch::ScalarType dtype) {
    write_safetensors(folder / file, random_state_dict(*model, torch::TensorOptions().dtype(dtype)));
    write_file(folder / "config.json", config.dump());
}

/// A full-size model folder with random weights, written once.
fs::path model_on_disk(const Setting& setting, torch::ScalarType dtype) {
    const fs::path folder = fs::path(setting.scratch) / (dtype == torch::kFloat16 ? "sd_fp16" : "sd_fp32");
    if (fs::exists(folder / "model_index.json")) return folder;
    const Json defaults = Json::object();  // every field's default is that of SD v1.5
    const char* diffusion_file = "diffusion_pytorch_model.safetensors";
    write_component(folder / "unet", UNet2DConditionModel(UNet2DConditionConfig{}), diffusion_file, defaults,
                    dtype);
    write_component(folder / "vae", AutoencoderKL(AutoencoderKLConfig{}), diffusion_file, defaults, dtype);
    write_component(folder / "text_encoder", CLIPTextModel(CLIPTextConfig{}), "model.safetensors", defaults,
                    dtype);
    fs::copy(HRA_TOKENIZER_FOLDER, folder / "tokenizer",
             fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    write_file(folder / "scheduler" / "scheduler_config.json", R"({"_class_name": "DDIMScheduler"})");
    write_file(folder / "model_index.json", R"({"_class_name": "StableDiffusionPipeline"})");
    return folder;
}

GenerateOptions generate_options(const Setting& setting, torch::ScalarType file, const char* dtype) {
    GenerateOptions options;
    options.model = model_on_disk(setting, file).string();
    options.device = setting.device.str();
    options.dtype = dtype;
    options.prompt = "a bench";
    options.seed = 1;
    options.output_dir = (fs::path(setting.scratch) / "out").string();
    return options;
}

/// From a warm file cache to the first step.
Measurement load(const Setting& setting, torch::ScalarType file) {
    GenerateOptions options = generate_options(setting, file, "fp32");
    options.steps = 1;
    options.width = options.height = 64;
    double best = 0;
    for (int i = 0; i < 2; ++i) {
        const double seconds = generate(options).load_seconds;
        best = i == 0 ? seconds : std::min(best, seconds);
    }
    return {best, {}};
}

/// Two steps and the decoding, from disk: for its peak memory.
Measurement whole_picture(const Setting& setting, torch::ScalarType file, const char* dtype,
                          std::int64_t pixels, bool tiling) {
    GenerateOptions options = generate_options(setting, file, dtype);
    options.steps = pixels > 512 ? 1 : 2;
    options.width = options.height = pixels;
    options.vae_tiling = tiling;
    return {generate(options).step_seconds, {}};
}

}  // namespace

std::vector<Row> all_rows() {
    std::vector<Row> rows;
    const auto add = [&](const std::string& name, torch::ScalarType dtype, auto run) {
        rows.push_back({name + (dtype == torch::kFloat32 ? "_fp32" : "_bf16"), dtype, std::move(run)});
    };
    struct Resolution {
        std::int64_t tokens, channels;
    };
    for (const auto dtype : {torch::kFloat32, torch::kBFloat16}) {
        for (const auto [tokens, channels] : {Resolution{4096, 320}, {1024, 640}, {256, 1280}})
            add("attention_" + std::to_string(tokens), dtype,
                [=](const Setting& s) { return self_attention(s, dtype, tokens, channels); });
        add("text_encoder", dtype, [=](const Setting& s) { return text_encoder(s, dtype); });
        for (const std::int64_t pixels : {256, 512})
            add("unet_step_" + std::to_string(pixels), dtype,
                [=](const Setting& s) { return unet_step(s, dtype, pixels); });
        add("vae_decode_512", dtype, [=](const Setting& s) { return vae_decode(s, dtype, 512); });
    }
    for (const auto& [name, file] : {std::pair{"load_fp32", torch::kFloat32}, {"load_fp16", torch::kFloat16}})
        rows.push_back({name, torch::kFloat32, [file = file](const Setting& s) { return load(s, file); }});
    add("generate_512", torch::kFloat32,
        [](const Setting& s) { return whole_picture(s, torch::kFloat32, "fp32", 512, false); });
    add("generate_512", torch::kBFloat16,
        [](const Setting& s) { return whole_picture(s, torch::kFloat32, "bf16", 512, false); });
    add("generate_1024_tiled", torch::kFloat32,
        [](const Setting& s) { return whole_picture(s, torch::kFloat32, "fp32", 1024, true); });
    return rows;
}

}  // namespace hra::bench

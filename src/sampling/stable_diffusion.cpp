// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "sampling/stable_diffusion.h"

#include <charconv>

#include <torch/torch.h>

#include "core/error.h"
#include "nn/packing.h"
#include "weights/load_state_dict.h"

namespace hra {
namespace {

/// Builds a component from its config and gives it its weights, ready for inference.
template <class Model, class Config>
Model load_component(const ModelFolder& folder, Component component, torch::Device device,
                     torch::ScalarType dtype) {
    LoadOptions options;
    options.where = folder.path().string() + ": " + component_name(component);
    options.device = device;
    options.keep_dtype = true;  // packing converts
    options.ignored_keys = {"text_model.embeddings.position_ids"};
    Model model(Config::from_json(folder.config(component), options.where));
    load_state_dict(*model, folder.weights(component), options);
    model->eval();
    pack_for_inference(*model, dtype);
    return model;
}

}  // namespace

std::int64_t StableDiffusion::vae_scale() const {
    return vae->config.downscale();
}

std::int64_t StableDiffusion::native_size() const {
    return unet->config.sample_size * vae_scale();
}

StableDiffusion load_stable_diffusion(const ModelFolder& folder, torch::Device device,
                                      torch::ScalarType dtype, const std::function<void()>& after_component) {
    const auto done = [&] {
        if (after_component) after_component();
    };
    StableDiffusion model{CLIPTokenizer::load(folder.tokenizer())};
    model.scheduler_config = folder.scheduler_config();
    model.device = device;
    model.dtype = dtype;
    model.text_encoder =
        load_component<CLIPTextModel, CLIPTextConfig>(folder, Component::text_encoder, device, dtype);
    done();
    model.unet =
        load_component<UNet2DConditionModel, UNet2DConditionConfig>(folder, Component::unet, device, dtype);
    done();
    model.vae = load_component<AutoencoderKL, AutoencoderKLConfig>(folder, Component::vae, device, dtype);
    done();
    return model;
}

torch::Device device_from_name(const std::string& name) {
    if (name == "auto") return torch::cuda::is_available() ? torch::kCUDA : torch::kCPU;
    if (name == "cpu") return torch::kCPU;
    check(name == "cuda" || name.starts_with("cuda:"), "device", "wanted auto, cpu, cuda or cuda:N, got \"",
          name, '"');
    check(torch::cuda::is_available(), "device",
          "wanted a CUDA device, got none (this build of LibTorch sees no GPU)");
    if (name == "cuda") return torch::kCUDA;
    int index = -1;
    const auto [end, error] = std::from_chars(name.data() + 5, name.data() + name.size(), index);
    const auto count = static_cast<int>(torch::cuda::device_count());
    check(error == std::errc() && end == name.data() + name.size() && index >= 0 && index < count, "device",
          "wanted cuda:0 to cuda:", count - 1, ", got \"", name, '"');
    return {torch::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

torch::ScalarType dtype_from_name(const std::string& name, torch::Device device) {
    if (name == "fp32") return torch::kFloat32;
    if (name == "bf16") return torch::kBFloat16;
    if (name == "auto") {
        if (device.is_cuda()) return torch::kFloat16;
        return cpu_multiplies_bf16() ? torch::kBFloat16 : torch::kFloat32;
    }
    check(name == "fp16", "dtype", "wanted auto, fp32, bf16 or fp16, got \"", name, '"');
    check(!device.is_cpu(), "dtype", "wanted fp32 or bf16 on a CPU, got fp16 (it is for GPUs)");
    return torch::kFloat16;
}

}  // namespace hra

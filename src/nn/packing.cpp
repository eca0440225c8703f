// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "nn/packing.h"

#include <vector>

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include "nn/layers.h"

namespace hra {
namespace {

/// How a weight is held: as in its file under fp32 activations, else as the activations.
torch::ScalarType storage_type(const torch::Tensor& weight, torch::ScalarType dtype) {
    const bool half = weight.scalar_type() == torch::kHalf || weight.scalar_type() == torch::kBFloat16;
    return dtype == torch::kFloat32 && half ? weight.scalar_type() : dtype;
}

template <class Layer>
std::vector<Layer*> layers_below(torch::nn::Module& module) {
    std::vector<Layer*> layers;
    for (const auto& child : module.modules())
        if (auto* layer = child->as<Layer>()) layers.push_back(layer);
    return layers;
}

/// Packs each layer on one thread, several at a time.
template <class Layer>
void pack_layers(torch::nn::Module& module, torch::ScalarType dtype) {
    const auto layers = layers_below<Layer>(module);
    at::parallel_for(0, static_cast<std::int64_t>(layers.size()), 1,
                     [&](std::int64_t begin, std::int64_t end) {
                         for (std::int64_t i = begin; i < end; ++i) {
                             Layer& layer = *layers[static_cast<std::size_t>(i)];
                             layer.pack(storage_type(layer.weight, dtype), dtype);
                         }
                     });
}

void convert_rest(torch::nn::Module& module, torch::ScalarType dtype) {
    for (auto& parameter : module.parameters())
        if (parameter.is_floating_point()) parameter.set_data(parameter.to(dtype));
}

}  // namespace

bool cpu_multiplies_bf16() {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512bf16") != 0;
#else
    return false;
#endif
}

void pack_for_inference(torch::nn::Module& module, torch::ScalarType dtype) {
    const torch::NoGradGuard no_grad;
    const bool on_cpu = module.parameters().front().is_cpu();
    if (on_cpu && !(dtype == torch::kBFloat16 && cpu_multiplies_bf16())) {
        pack_layers<LinearImpl>(module, dtype);
        pack_layers<Conv2dImpl>(module, dtype);
    }
    convert_rest(module, dtype);
    for (auto* layer : layers_below<Conv2dImpl>(module))
        if (layer->weight.dim() == 4)
            layer->weight.set_data(layer->weight.contiguous(torch::MemoryFormat::ChannelsLast));
}

}  // namespace hra

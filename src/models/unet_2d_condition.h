// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The denoiser of Stable Diffusion (diffusers: models/unets/unet_2d_condition.py, UNet2DConditionModel).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "models/unet_2d_blocks.h"
#include "nn/embeddings.h"

namespace hra {

/// unet/config.json. The defaults are those of Stable Diffusion v1.5.
struct UNet2DConditionConfig {
    std::int64_t sample_size = 64;  // latent size it was trained at; any other works too
    std::int64_t in_channels = 4;
    std::int64_t out_channels = 4;
    bool flip_sin_to_cos = true;
    double freq_shift = 0;
    std::vector<std::string> down_block_types{"CrossAttnDownBlock2D", "CrossAttnDownBlock2D",
                                              "CrossAttnDownBlock2D", "DownBlock2D"};
    std::vector<std::string> up_block_types{"UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D",
                                            "CrossAttnUpBlock2D"};
    std::vector<std::int64_t> block_out_channels{320, 640, 1280, 1280};
    std::int64_t layers_per_block = 2;
    std::int64_t norm_num_groups = 32;
    double norm_eps = 1e-5;
    std::int64_t cross_attention_dim = 768;
    std::int64_t transformer_layers_per_block = 1;
    bool use_linear_projection = false;
    /// "attention_head_dim" in the file: for these models it is the number of heads, not their size. One
    /// number or one for each block.
    std::vector<std::int64_t> num_attention_heads{8, 8, 8, 8};

    std::int64_t time_embed_dim() const { return 4 * block_out_channels.front(); }

    /// Unknown keys are allowed; throws Error("[where] ...") on wrong or unsupported values.
    static UNet2DConditionConfig from_json(const Json& config, std::string_view where);
};

/// The inputs of one evaluation. Without the optional ones it is plain Stable Diffusion.
struct UNetInputs {
    torch::Tensor sample;                 // [B, in_channels, H, W]
    torch::Tensor timestep;               // integer or float: a scalar, [1] or [B]
    torch::Tensor encoder_hidden_states;  // [B, L, cross_attention_dim]
    /// Keys and values of encoder_hidden_states, kept by the caller from one step to the next.
    CrossAttentionCache* text_cache = nullptr;
    /// ControlNet: one for each skip connection, and one for the middle.
    std::vector<torch::Tensor> down_block_additional_residuals = {};
    torch::Tensor mid_block_additional_residual = {};
    /// HRA's control model: [B, block_out_channels[0], H, W], added after conv_in and before the first skip
    /// connection is taken, which therefore carries it too.
    torch::Tensor hint_features = {};
};

struct UNet2DConditionModelImpl : torch::nn::Module {
    explicit UNet2DConditionModelImpl(const UNet2DConditionConfig& config);

    /// Returns [B, out_channels, H, W] in the dtype of the weights, for any H and W. Inputs are converted to
    /// that dtype. Activations are channels_last in memory.
    torch::Tensor forward(const UNetInputs& inputs);

    UNet2DConditionConfig config;
    Conv2d conv_in;
    TimestepEmbedding time_embedding;
    ModuleVector<DownBlock2D> down_blocks;
    UNetMidBlock2DCrossAttn mid_block;
    ModuleVector<UpBlock2D> up_blocks;
    GroupNorm conv_norm_out;
    Conv2d conv_out;

private:
    void check_inputs(const UNetInputs& inputs) const;
    torch::Tensor embed_time(const torch::Tensor& timestep, std::int64_t batch);
};
TORCH_MODULE(UNet2DConditionModel);

}  // namespace hra

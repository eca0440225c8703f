// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// A Stable Diffusion v1 model on disk: a diffusers folder or a single file in CompVis/LDM layout.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "core/json.h"
#include "weights/state_dict.h"

namespace hra {

enum class Component { unet, vae, text_encoder };

/// The component's folder in a diffusers model: "unet", "vae", "text_encoder".
const char* component_name(Component component);

struct ModelOptions {
    /// "" prefers full precision: x.safetensors, x.fp16.safetensors, x.bin, x.fp16.bin, each alone or in
    /// shards. "fp16" and other names want the files of that variant and no others.
    std::string variant = {};
    /// A folder with vocab.json and merges.txt; empty: the model's own.
    std::filesystem::path tokenizer = {};
    /// For single files: a folder with unet/config.json, vae/config.json, text_encoder/config.json or
    /// scheduler/scheduler_config.json, each optional, whose keys replace inferred ones. Empty: the file's
    /// folder.
    std::filesystem::path config = {};
    /// For single files: take the averaged (EMA) weights of the UNet.
    bool use_ema = false;
};

/// Opening looks at names and headers; weights are mapped when a component is asked for and read from disk
/// when they are touched. Copies share what was read. Not thread-safe.
class ModelFolder {
public:
    /// Throws Error naming the path when it is neither a diffusers folder nor a single-file checkpoint.
    static ModelFolder open(const std::filesystem::path& path, const ModelOptions& options = {});

    const std::filesystem::path& path() const;
    bool is_single_file() const;

    /// config.json of the component; for single files what its shapes and Stable Diffusion v1.5 imply.
    Json config(Component component) const;

    /// All weights of the component under diffusers' current names. Throws Error naming the file.
    StateDict weights(Component component) const;

    /// scheduler_config.json, or the one of Stable Diffusion v1.5 for single files.
    Json scheduler_config() const;

    /// The folder with vocab.json and merges.txt. Throws Error that says how to get one when there is none.
    std::filesystem::path tokenizer() const;

private:
    struct Content;
    std::shared_ptr<Content> content_;
};

/// Tensors of one file, by its content: safetensors or torch.save. Throws Error naming the file.
StateDict read_weights(const std::filesystem::path& file);

/// Tensors of the weight file `<stem>` in a folder, for example "diffusion_pytorch_model", in the order of
/// preference of ModelOptions::variant. Throws Error naming the folder when there is none.
StateDict read_weights(const std::filesystem::path& folder, const std::string& stem,
                       const std::string& variant);

}  // namespace hra

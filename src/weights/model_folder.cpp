// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "weights/model_folder.h"

#include <array>
#include <optional>
#include <set>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "weights/infer_config.h"
#include "weights/ldm_layout.h"
#include "weights/safetensors.h"
#include "weights/torch_checkpoint.h"

namespace hra {
namespace {

namespace fs = std::filesystem;

/// Files that belong together: one file, or the shards that an index lists.
struct WeightFiles {
    fs::path index;  // empty for one file
    std::vector<fs::path> files;
};

bool is_plain_file_name(const std::string& name) {
    return !name.empty() && name != "." && name != ".." && name.find_first_of("/\\") == name.npos;
}

WeightFiles read_index(const fs::path& index) {
    const Json json = read_json(index);
    const bool has_map = json.is_object() && json.contains("weight_map") && json["weight_map"].is_object();
    check(has_map, index.string(), "wanted an index with a weight_map, got none");
    std::set<std::string> names;
    for (const auto& [tensor, shard] : json["weight_map"].items()) {
        const bool plain = shard.is_string() && is_plain_file_name(shard.get<std::string>());
        check(plain, index.string(), "wanted a file name for \"", tensor, "\", got ",
              shard.dump().substr(0, 60));
        names.insert(shard.get<std::string>());
    }
    WeightFiles result{index, {}};
    for (const auto& name : names) result.files.push_back(index.parent_path() / name);
    return result;
}

/// One file or shards of exactly this extension ("safetensors", "bin") and variant.
std::optional<WeightFiles> find_exactly(const fs::path& folder, const std::string& stem,
                                        const std::string& variant, const std::string& extension) {
    const std::string dotted = variant.empty() ? "" : '.' + variant;
    const fs::path file = folder / (stem + dotted + '.' + extension);
    if (fs::is_regular_file(file)) return WeightFiles{{}, {file}};
    const fs::path index = folder / (stem + '.' + extension + ".index" + dotted + ".json");
    if (fs::is_regular_file(index)) return read_index(index);
    return std::nullopt;
}

WeightFiles find_weights(const fs::path& folder, const std::string& stem, const std::string& variant) {
    // transformers calls pickled weights pytorch_model.bin, where safetensors are model.safetensors.
    const std::string pickled = stem == "model" ? "pytorch_model" : stem;
    std::vector<std::string> variants{variant};
    if (variant.empty()) variants.emplace_back("fp16");
    for (const std::string extension : {"safetensors", "bin"})
        for (const auto& v : variants)
            if (const auto found = find_exactly(folder, extension == "bin" ? pickled : stem, v, extension))
                return *found;
    const std::string wanted = stem + (variant.empty() ? "" : '.' + variant);
    fail(folder.string(), "wanted weights ", wanted, ".safetensors or ", pickled,
         variant.empty() ? "" : '.' + variant, ".bin, got neither");
}

const char* weight_stem(Component component) {
    return component == Component::text_encoder ? "model" : "diffusion_pytorch_model";
}

bool is_tokenizer(const fs::path& folder) {
    return fs::is_regular_file(folder / "vocab.json") && fs::is_regular_file(folder / "merges.txt");
}

Json read_if_there(const fs::path& file) {
    return fs::is_regular_file(file) ? read_json(file) : Json::object();
}

}  // namespace

const char* component_name(Component component) {
    constexpr std::array names{"unet", "vae", "text_encoder"};
    return names[static_cast<std::size_t>(component)];
}

StateDict read_weights(const fs::path& file) {
    const auto map = MappedFile::open(file);
    // A safetensors header is a JSON object behind its length; files of torch.save begin otherwise.
    constexpr std::size_t json_start = 8;
    const auto bytes = map->bytes();
    const bool named_so = file.extension() == ".safetensors";
    if (named_so || (bytes.size() > json_start && bytes[json_start] == '{'))
        return read_safetensors(bytes, file.string(), map).tensors;
    return read_torch_checkpoint(bytes, file.string(), map);
}

StateDict read_weights(const fs::path& folder, const std::string& stem, const std::string& variant) {
    const WeightFiles found = find_weights(folder, stem, variant);
    StateDict result;
    for (const auto& file : found.files)
        for (auto& [name, tensor] : read_weights(file))
            check(result.emplace(name, tensor).second, file.string(), "wanted \"", name,
                  "\" in one shard, got it in two");
    if (found.index.empty()) return result;
    const Json index = read_json(found.index);
    for (const auto& [name, shard] : index["weight_map"].items())
        check(result.contains(name), found.index.string(), "wanted \"", name, "\" in ",
              shard.get<std::string>(), ", got no such tensor");
    return result;
}

struct ModelFolder::Content {
    fs::path path;
    ModelOptions options;
    bool single_file = false;
    LdmCheckpoint checkpoint;  // of a single file

    const StateDict& single_weights(Component component) const {
        const std::string where = path.string();
        const StateDict& tensors = component == Component::unet  ? checkpoint.unet
                                   : component == Component::vae ? checkpoint.vae
                                                                 : checkpoint.text_encoder;
        check(!tensors.empty(), where, "wanted a whole model, got a file without ",
              component_name(component));
        return tensors;
    }

    fs::path config_folder() const { return options.config.empty() ? path.parent_path() : options.config; }
};

ModelFolder ModelFolder::open(const fs::path& path, const ModelOptions& options) {
    ModelFolder model;
    model.content_ = std::make_shared<Content>();
    model.content_->path = path;
    model.content_->options = options;
    model.content_->single_file = fs::is_regular_file(path);
    if (model.content_->single_file) {
        // The header tells the layout; pickles are read whole, their tensors stay on disk.
        const StateDict tensors = read_weights(path);
        check(is_ldm_layout(tensors), path.string(), "wanted a diffusers folder or a single file with ",
              "model.diffusion_model.* weights, got a file without them");
        model.content_->checkpoint = split_ldm_checkpoint(tensors, options.use_ema, path.string());
        return model;
    }
    check(fs::is_directory(path), path.string(),
          "wanted a model: a diffusers folder or a checkpoint file, got nothing there");
    check(fs::is_regular_file(path / "model_index.json"), path.string(),
          "wanted a diffusers folder with model_index.json, got none");
    read_json(path / "model_index.json");
    return model;
}

const fs::path& ModelFolder::path() const {
    return content_->path;
}

bool ModelFolder::is_single_file() const {
    return content_->single_file;
}

Json ModelFolder::config(Component component) const {
    if (!is_single_file()) return read_json(path() / component_name(component) / "config.json");
    const Json known = read_if_there(content_->config_folder() / component_name(component) / "config.json");
    const StateDict& tensors = content_->single_weights(component);
    const std::string where = path().string();
    switch (component) {
        case Component::unet:
            return infer_unet_config(tensors, known, where);
        case Component::vae:
            return infer_vae_config(tensors, known, where);
        case Component::text_encoder:
            return infer_text_config(tensors, known, where);
    }
    fail(where, "wanted a component, got none");
}

StateDict ModelFolder::weights(Component component) const {
    if (is_single_file()) return content_->single_weights(component);
    const fs::path folder = path() / component_name(component);
    StateDict tensors = read_weights(folder, weight_stem(component), content_->options.variant);
    return component == Component::vae ? modernize_vae(tensors, folder.string()) : tensors;
}

Json ModelFolder::scheduler_config() const {
    const fs::path file = "scheduler/scheduler_config.json";
    if (!is_single_file()) return read_json(path() / file);
    Json config = default_scheduler_config();
    const Json known = read_if_there(content_->config_folder() / file);
    if (known.is_object()) config.update(known);
    return config;
}

fs::path ModelFolder::tokenizer() const {
    const fs::path& asked = content_->options.tokenizer;
    const fs::path folder = is_single_file() ? path().parent_path() : path();
    if (!asked.empty()) {
        check(is_tokenizer(asked), asked.string(),
              "wanted a folder with vocab.json and merges.txt, got neither");
        return asked;
    }
    for (const fs::path& candidate : {folder / "tokenizer", folder})
        if (is_tokenizer(candidate)) return candidate;
    fail(path().string(), "wanted a tokenizer (vocab.json and merges.txt) beside the model, got none ",
         "(--tokenizer FOLDER takes the tokenizer folder of any Stable Diffusion v1 model)");
}

}  // namespace hra

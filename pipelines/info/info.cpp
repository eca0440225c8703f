// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "pipelines/info/info.h"

#include <array>
#include <cmath>
#include <filesystem>
#include <iomanip>
#include <sstream>

#include <torch/types.h>

#include "core/error.h"
#include "core/files.h"
#include "image/png.h"
#include "weights/ldm_layout.h"
#include "weights/model_folder.h"
#include "weights/safetensors.h"

namespace hra {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view png_signature = "\x89PNG\r\n\x1a\n";
constexpr std::string_view zip_signature = "PK";

std::string dtype_name(torch::ScalarType type) {
    switch (type) {
        case torch::kFloat64:
            return "float64";
        case torch::kFloat32:
            return "float32";
        case torch::kFloat16:
            return "float16";
        case torch::kBFloat16:
            return "bfloat16";
        case torch::kInt64:
            return "int64";
        case torch::kInt32:
            return "int32";
        case torch::kInt16:
            return "int16";
        case torch::kInt8:
            return "int8";
        case torch::kUInt8:
            return "uint8";
        case torch::kBool:
            return "bool";
        default:
            return torch::toString(type);
    }
}

void add(InfoComponent& component, const torch::Tensor& tensor) {
    ++component.tensors;
    component.parameters += tensor.is_floating_point() ? tensor.numel() : 0;
    component.bytes += tensor.numel() * tensor.element_size();
    ++component.dtypes[dtype_name(tensor.scalar_type())];
}

InfoComponent summarize(const std::string& name, const StateDict& tensors) {
    InfoComponent component{name, 0, 0, 0, {}};
    for (const auto& [key, tensor] : tensors) add(component, tensor);
    return component;
}

std::vector<InfoComponent> by_ldm_component(const StateDict& tensors) {
    std::map<std::string, InfoComponent> components;
    for (const auto& [name, tensor] : tensors) {
        const std::string component = ldm_component_of(name);
        InfoComponent& entry = components[component];
        entry.name = component;
        add(entry, tensor);
    }
    std::vector<InfoComponent> result;
    for (const auto& [name, component] : components) result.push_back(component);
    return result;
}

std::int64_t size_of(const fs::path& folder) {
    std::uintmax_t size = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
        if (entry.is_regular_file()) size += entry.file_size();
    return static_cast<std::int64_t>(size);
}

std::string as_text(const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

void copy_keys(const Json& config, const std::vector<const char*>& keys, InfoResult& result) {
    for (const char* key : keys)
        if (config.is_object() && config.contains(key)) result.metadata[key] = as_text(config.at(key));
}

void inspect_file(const fs::path& path, InfoResult& result) {
    const auto map = MappedFile::open(path);
    const std::string_view text(reinterpret_cast<const char*>(map->bytes().data()), map->bytes().size());
    result.size = static_cast<std::int64_t>(text.size());
    if (text.starts_with(png_signature)) {
        result.kind = InfoKind::png;
        result.format = "PNG";
        result.metadata = read_png_text(map->bytes(), path.string());
        return;
    }
    const StateDict tensors = read_weights(path);
    constexpr std::uint8_t pickle_start = 0x80;
    if (text.starts_with(zip_signature)) {
        result.format = "torch.save (zip)";
    } else if (map->bytes().front() == pickle_start && path.extension() != ".safetensors") {
        result.format = "torch.save (before torch 1.6)";
    } else {
        result.format = "safetensors";
        result.metadata = read_safetensors(path).metadata;
    }
    result.kind = is_ldm_layout(tensors) ? InfoKind::ldm_checkpoint : InfoKind::state_dict;
    result.components = result.kind == InfoKind::ldm_checkpoint ? by_ldm_component(tensors)
                                                                : std::vector{summarize("tensors", tensors)};
}

void inspect_model(const fs::path& path, InfoResult& result, const Hooks& hooks) {
    result.kind = InfoKind::diffusers_folder;
    const ModelFolder model = ModelFolder::open(path);
    copy_keys(read_json(path / "model_index.json"), {"_class_name", "_diffusers_version"}, result);
    copy_keys(model.scheduler_config(), {"prediction_type"}, result);
    result.metadata["scheduler"] = as_text(model.scheduler_config().value("_class_name", Json("unknown")));
    result.metadata["tokenizer"] = fs::exists(path / "tokenizer") ? "yes" : "no";
    for (const Component component : {Component::unet, Component::vae, Component::text_encoder}) {
        hooks.throw_if_stopped();
        if (fs::is_directory(path / component_name(component)))
            result.components.push_back(summarize(component_name(component), model.weights(component)));
    }
}

void inspect_adapter(const fs::path& path, InfoResult& result) {
    result.kind = InfoKind::adapter_folder;
    copy_keys(read_json(path / "adapter_config.json"),
              {"peft_type", "r", "apply_GS", "target_modules", "base_model_name_or_path", "peft_version"},
              result);
    result.components.push_back(summarize("adapter", read_weights(path, "adapter_model", "")));
}

void inspect_component(const fs::path& path, InfoResult& result) {
    result.kind = InfoKind::component_folder;
    const Json config = read_json(path / "config.json");
    copy_keys(config, {"_class_name", "_diffusers_version", "architectures", "model_type"}, result);
    const bool is_diffusers = config.is_object() && config.contains("_class_name");
    result.components.push_back(
        summarize("model", read_weights(path, is_diffusers ? "diffusion_pytorch_model" : "model", "")));
}

void inspect_folder(const fs::path& path, InfoResult& result, const Hooks& hooks) {
    result.size = size_of(path);
    if (fs::exists(path / "model_index.json")) return inspect_model(path, result, hooks);
    if (fs::exists(path / "adapter_config.json")) return inspect_adapter(path, result);
    if (fs::exists(path / "config.json")) return inspect_component(path, result);
    fail(path.string(),
         "wanted a folder with model_index.json, adapter_config.json or config.json, got none of them");
}

/// 1234567 -> "1.23 M".
std::string with_unit(std::int64_t number, double base, const std::array<const char*, 4>& units) {
    auto value = static_cast<double>(number);
    std::size_t unit = 0;
    while (value >= base && unit + 1 < units.size()) {
        value /= base;
        ++unit;
    }
    std::ostringstream out;
    out << std::setprecision(3) << (value >= 100 ? std::round(value) : value) << units[unit];
    return out.str();
}

std::string size_text(std::int64_t bytes) {
    constexpr double kibi = 1024;
    return with_unit(bytes, kibi, {" B", " KiB", " MiB", " GiB"});
}

}  // namespace

const char* info_kind_name(InfoKind kind) {
    constexpr std::array names{"diffusers folder", "model component", "PEFT adapter",
                               "LDM checkpoint",   "state dict",      "PNG image"};
    return names[static_cast<std::size_t>(kind)];
}

InfoResult run(const InfoOptions& options, const Hooks& hooks) {
    const fs::path path = options.path;
    check(fs::exists(path), options.path, "wanted a file or a folder, got nothing there");
    InfoResult result;
    result.path = options.path;
    if (fs::is_directory(path))
        inspect_folder(path, result, hooks);
    else
        inspect_file(path, result);
    return result;
}

std::string format(const InfoResult& result) {
    std::ostringstream out;
    out << result.path << '\n' << info_kind_name(result.kind);
    if (!result.format.empty()) out << ", " << result.format;
    out << ", " << size_text(result.size) << '\n';
    for (const auto& component : result.components) {
        out << "  " << std::left << std::setw(14) << component.name << std::right << std::setw(6)
            << component.tensors << " tensors  " << std::setw(8)
            << with_unit(component.parameters, 1000, {"", " k", " M", " G"}) << " parameters  "
            << std::setw(8) << size_text(component.bytes);
        for (const auto& [dtype, count] : component.dtypes) out << "  " << dtype << " x" << count;
        out << '\n';
    }
    for (const auto& [key, value] : result.metadata) out << "  " << key << ": " << value << '\n';
    return out.str();
}

Json to_json(const InfoResult& result) {
    Json components = Json::array();
    for (const auto& component : result.components)
        components.push_back({{"name", component.name},
                              {"tensors", component.tensors},
                              {"parameters", component.parameters},
                              {"bytes", component.bytes},
                              {"dtypes", component.dtypes}});
    return {{"path", result.path},      {"kind", info_kind_name(result.kind)},
            {"format", result.format},  {"size", result.size},
            {"components", components}, {"metadata", result.metadata}};
}

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "models/fixture_models.h"

#include <algorithm>

#include "core/error.h"
#include "weights/ldm_layout.h"

namespace hra::test {
namespace {

namespace fs = std::filesystem;

std::string class_of(const Json& config) {
    if (config.contains("_class_name")) return config.at("_class_name").get<std::string>();
    return config.contains("architectures") ? config.at("architectures").at(0).get<std::string>() : "";
}

}  // namespace

std::vector<std::string> model_folders(const std::string& class_name) {
    std::vector<std::string> folders;
    for (const auto& entry : fs::recursive_directory_iterator(fixture_root()))
        if (entry.path().filename() == "config.json" && class_of(read_json(entry.path())) == class_name)
            folders.push_back(fs::relative(entry.path().parent_path(), fixture_root()).string());
    std::sort(folders.begin(), folders.end());
    return folders;
}

StateDict checkpoint(const std::string& folder) {
    for (const std::string name : {"diffusion_pytorch_model.safetensors", "model.safetensors"}) {
        if (!has_fixture(folder + '/' + name)) continue;
        StateDict tensors = modernize_vae(golden(folder + '/' + name), folder);
        std::erase_if(tensors, [](const auto& item) { return item.first.ends_with("position_ids"); });
        return tensors;
    }
    fail("tests", "wanted weights in ", folder, ", got none");
}

}  // namespace hra::test

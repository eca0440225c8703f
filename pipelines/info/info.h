// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// `hra info`: what a checkpoint, a model folder, an adapter or a picture is, from names and headers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/hooks.h"
#include "core/json.h"

namespace hra {

struct InfoOptions {
    std::string path = {};

    template <class Self, class V>
    static void visit(Self& o, V&& v) {
        v.section("Input");
        v("path", o.path, "Checkpoint file, model folder, adapter folder or picture");
    }
};

/// Tensors that belong together, for example "unet".
struct InfoComponent {
    std::string name;
    std::int64_t tensors = 0;
    std::int64_t parameters = 0;                 // elements of floating-point tensors
    std::int64_t bytes = 0;                      // of all tensors, as stored
    std::map<std::string, std::int64_t> dtypes;  // "float16" -> tensors
};

enum class InfoKind {
    diffusers_folder,  // a whole model
    component_folder,  // one model with its config.json
    adapter_folder,    // PEFT's layout
    ldm_checkpoint,    // a single file in CompVis/LDM layout
    state_dict,        // a file of tensors without a known layout
    png,               // a picture with its text
};

/// "diffusers folder", "LDM checkpoint", ...
const char* info_kind_name(InfoKind kind);

struct InfoResult {
    std::string path;
    InfoKind kind = InfoKind::state_dict;
    std::string format;     // of a file: "safetensors", "torch.save (zip)", ...
    std::int64_t size = 0;  // bytes of the file, or of all files in the folder
    std::vector<InfoComponent> components;
    std::map<std::string, std::string> metadata;  // of the safetensors header, or what the configs say
};

/// Reads names, headers and configs, not the weights. Throws Error when the path is nothing known or damaged.
InfoResult run(const InfoOptions& options, const Hooks& hooks = {});

/// A page for people, lines ending in newlines.
std::string format(const InfoResult& result);

/// The same for programs.
Json to_json(const InfoResult& result);

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "pipelines/generate/metadata.h"

#include <algorithm>
#include <filesystem>

#include "core/version.h"
#include "image/png.h"
#include "schedulers/names.h"
#include "text/generation_parameters.h"

namespace hra {
namespace {

constexpr const char* options_key = "hra_options";  // the PNG text chunk that holds all options as JSON

/// The name of the scheduler that ran: the one asked for, else that of the model's class.
std::string name_of_scheduler(const GenerateOptions& one, const std::string& class_name) {
    if (!one.scheduler.empty()) return one.scheduler;
    for (const auto& sampler : samplers())
        if (sampler.class_name == class_name && sampler.overrides.empty()) return sampler.name;
    return class_name;
}

GenerationParameters parameters_of(const GenerateOptions& one, const std::string& class_name) {
    GenerationParameters p;
    p.prompt = one.prompt;
    p.negative_prompt = one.negative_prompt;
    p.steps = static_cast<int>(one.steps);
    p.sampler = name_of_scheduler(one, class_name);
    p.cfg_scale = one.guidance_scale;
    p.seed = static_cast<std::uint64_t>(one.seed);
    p.width = static_cast<int>(one.width);
    p.height = static_cast<int>(one.height);
    p.model = std::filesystem::path(one.model).stem().string();
    if (!one.init_image.empty()) p.denoising_strength = one.strength;
    if (one.clip_skip != 1) p.clip_skip = static_cast<int>(one.clip_skip);
    p.version = concat("hra ", version());
    return p;
}

/// What an A1111-family program wrote about its picture.
GenerateOptions options_of_parameters(const GenerationParameters& p) {
    GenerateOptions options;
    options.prompt = p.prompt;
    options.negative_prompt = p.negative_prompt;
    options.prompt_syntax = "weighted";
    const auto names = sampler_names();
    if (std::find(names.begin(), names.end(), p.sampler) != names.end()) options.scheduler = p.sampler;
    if (p.steps) options.steps = *p.steps;
    if (p.cfg_scale) options.guidance_scale = *p.cfg_scale;
    if (p.seed) options.seed = static_cast<std::int64_t>(*p.seed);
    if (p.width) options.width = *p.width;
    if (p.height) options.height = *p.height;
    if (p.denoising_strength) options.strength = *p.denoising_strength;
    if (p.clip_skip) options.clip_skip = *p.clip_skip;
    return options;
}

}  // namespace

PngText image_metadata(const GenerateOptions& one, const std::string& class_name) {
    return {{"parameters", format_generation_parameters(parameters_of(one, class_name))},
            {options_key, options_to_json(one).dump()}};
}

GenerateOptions options_from_image(const std::string& path) {
    const auto texts = read_png_text(path);
    for (const auto& [key, text] : texts) {
        if (key != options_key) continue;
        GenerateOptions options;
        options_from_json(parse_json(text, path), options, path);
        return options;
    }
    for (const auto& [key, text] : texts)
        if (key == "parameters")
            if (const auto parameters = parse_generation_parameters(text))
                return options_of_parameters(*parameters);
    fail("from_image", "wanted a picture that tells how it was made, got ", path, " without such metadata");
}

}  // namespace hra

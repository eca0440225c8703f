// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The text that tells how a picture was made, as AUTOMATIC1111's web UI writes it into PNG files under the
// key "parameters": prompt, "Negative prompt: ...", "Steps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7.5,
// ...".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hra {

/// Empty strings and empty optionals are not written. Values that this struct does not name go to `others`,
/// in their order.
struct GenerationParameters {
    std::string prompt;
    std::string negative_prompt;
    std::optional<int> steps;
    std::string
        sampler;  // our scheduler's name ("dpmpp_2m_karras"); a label that we do not know as it stands
    std::optional<double> cfg_scale;
    std::optional<std::uint64_t> seed;
    std::optional<int> width, height;  // pixels
    std::string model_hash;
    std::string model;
    std::optional<double> denoising_strength;
    std::optional<int> clip_skip;
    std::vector<std::pair<std::string, std::string>> others;
    std::string version;  // "hra 0.1.0"
};

/// The text. Any bytes are accepted; lines of the prompts lose their outer white space.
std::string format_generation_parameters(const GenerationParameters& parameters);

/// Reads such a text, whoever wrote it; nothing when it has no line of settings with "Steps". A value that is
/// no number where one is expected goes to `others`. Never throws on content.
std::optional<GenerationParameters> parse_generation_parameters(std::string_view text);

/// "dpmpp_2m_karras" -> "DPM++ 2M Karras"; an unknown name comes back unchanged.
std::string sampler_label(std::string_view scheduler);

/// The reverse, without regard to case; an unknown label comes back unchanged.
std::string sampler_name(std::string_view label);

}  // namespace hra

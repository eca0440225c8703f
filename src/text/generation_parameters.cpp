// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "text/generation_parameters.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <system_error>

#include "core/error.h"
#include "core/json.h"

namespace hra {
namespace {

using Setting = std::pair<std::string, std::string>;

constexpr std::string_view negative_mark = "Negative prompt:";

// PLMS is the web UI's name for PNDM without its Runge-Kutta start, which is how SD v1.5 configures it.
constexpr std::array<std::pair<std::string_view, std::string_view>, 20> samplers{
    {{"ddim", "DDIM"},
     {"ddpm", "DDPM"},
     {"deis", "DEIS"},
     {"dpm2", "DPM2"},
     {"dpm2_a", "DPM2 a"},
     {"dpm2_karras", "DPM2 Karras"},
     {"dpm2_a_karras", "DPM2 a Karras"},
     {"dpmpp_2m", "DPM++ 2M"},
     {"dpmpp_2m_karras", "DPM++ 2M Karras"},
     {"dpmpp_2m_sde", "DPM++ 2M SDE"},
     {"dpmpp_2m_sde_karras", "DPM++ 2M SDE Karras"},
     {"dpmpp_sde", "DPM++ SDE"},
     {"dpmpp_sde_karras", "DPM++ SDE Karras"},
     {"euler", "Euler"},
     {"euler_a", "Euler a"},
     {"heun", "Heun"},
     {"lms", "LMS"},
     {"lms_karras", "LMS Karras"},
     {"pndm", "PLMS"},
     {"unipc", "UniPC"}}};

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

bool same_letters(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}

// ---- Writing ----

std::string quoted(const std::string& value) {
    if (value.find_first_of(",\n:") == std::string::npos) return value;
    return Json(value).dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// The shortest decimal number that reads back the same.
std::string number(double value) {
    std::array<char, 32> buffer;
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
    return {buffer.data(), end};
}

std::vector<Setting> settings_of(const GenerationParameters& p) {
    std::vector<Setting> out;
    const auto text = [&](const char* key, const std::string& value) {
        if (!value.empty()) out.emplace_back(key, value);
    };
    const auto integer = [&](const char* key, const auto& value) {
        if (value) out.emplace_back(key, std::to_string(*value));
    };
    const auto real = [&](const char* key, const std::optional<double>& value) {
        if (value) out.emplace_back(key, number(*value));
    };
    integer("Steps", p.steps);
    text("Sampler", sampler_label(p.sampler));
    real("CFG scale", p.cfg_scale);
    integer("Seed", p.seed);
    if (p.width && p.height) out.emplace_back("Size", concat(*p.width, 'x', *p.height));
    text("Model hash", p.model_hash);
    text("Model", p.model);
    real("Denoising strength", p.denoising_strength);
    integer("Clip skip", p.clip_skip);
    out.insert(out.end(), p.others.begin(), p.others.end());
    text("Version", p.version);
    return out;
}

// ---- Reading ----

bool is_word_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}

/// The end of the run of characters that a key may have.
std::size_t run_end(std::string_view line, std::size_t at) {
    while (at < line.size() &&
           (is_word_character(line[at]) || line[at] == ' ' || line[at] == '-' || line[at] == '/'))
        ++at;
    return at;
}

/// The end of a quoted value at `at`, or npos when it is not closed or something follows but a comma.
std::size_t quoted_end(std::string_view line, std::size_t at) {
    if (at >= line.size() || line[at] != '"') return std::string_view::npos;
    for (std::size_t i = at + 1; i < line.size(); ++i) {
        if (line[i] == '\\')
            ++i;
        else if (line[i] == '"')
            return i + 1 == line.size() || line[i + 1] == ',' ? i + 1 : std::string_view::npos;
    }
    return std::string_view::npos;
}

std::string unquoted(std::string_view value) {
    try {
        const Json json = parse_json(value, "parameters");
        if (json.is_string()) return json.get<std::string>();
    } catch (const Error&) {
        // Not JSON after all: the value is what is written there.
    }
    return std::string(value);
}

std::vector<Setting> parse_settings(std::string_view line) {
    std::vector<Setting> out;
    for (std::size_t at = 0; at < line.size();) {
        if (!is_word_character(line[at])) {
            ++at;
            continue;
        }
        const std::size_t colon = run_end(line, at);
        const bool is_key = colon < line.size() && line[colon] == ':' && colon > at + 1;
        if (!is_key) {
            at = colon + 1;
            continue;
        }
        std::size_t begin = colon + 1;
        while (begin < line.size() && line[begin] == ' ') ++begin;
        const std::size_t quote = quoted_end(line, begin);
        const std::size_t end =
            quote != std::string_view::npos ? quote : std::min(line.find(',', begin), line.size());
        const auto value = line.substr(begin, end - begin);
        out.emplace_back(line.substr(at, colon - at),
                         quote != std::string_view::npos ? unquoted(value) : std::string(trimmed(value)));
        at = end + 1;
    }
    return out;
}

template <class T>
bool read_number(std::string_view text, std::optional<T>& out) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return false;
    if constexpr (std::is_floating_point_v<T>)
        if (!std::isfinite(value)) return false;
    out = value;
    return true;
}

bool read_size(std::string_view text, GenerationParameters& out) {
    const auto cross = text.find('x');
    std::optional<int> width, height;
    if (cross == std::string_view::npos || !read_number(text.substr(0, cross), width) ||
        !read_number(text.substr(cross + 1), height))
        return false;
    out.width = width;
    out.height = height;
    return true;
}

bool read_text(const std::string& text, std::string& out) {
    out = text;
    return true;
}

bool assign(const std::string& key, const std::string& value, GenerationParameters& out) {
    if (key == "Steps") return read_number(value, out.steps);
    if (key == "Sampler") return read_text(sampler_name(value), out.sampler);
    if (key == "CFG scale") return read_number(value, out.cfg_scale);
    if (key == "Seed") return read_number(value, out.seed);
    if (key == "Size") return read_size(value, out);
    if (key == "Model hash") return read_text(value, out.model_hash);
    if (key == "Model") return read_text(value, out.model);
    if (key == "Denoising strength") return read_number(value, out.denoising_strength);
    if (key == "Clip skip") return read_number(value, out.clip_skip);
    if (key == "Version") return read_text(value, out.version);
    return false;
}

/// Newer web UIs write "Sampler: DPM++ 2M, Schedule type: Karras" for what was one label before.
void join_schedule_type(GenerationParameters& p) {
    const auto type = std::find_if(p.others.begin(), p.others.end(),
                                   [](const Setting& s) { return s.first == "Schedule type"; });
    if (type == p.others.end()) return;
    const std::string label = sampler_label(p.sampler) + ' ' + type->second;
    const std::string name = sampler_name(label);
    if (name == label) return;
    p.sampler = name;
    p.others.erase(type);
}

void read_prompts(std::string_view lines, GenerationParameters& out) {
    bool negative = false;
    while (!lines.empty()) {
        const std::size_t end = std::min(lines.find('\n'), lines.size());
        auto line = trimmed(lines.substr(0, end));
        lines.remove_prefix(std::min(end + 1, lines.size()));
        if (line.starts_with(negative_mark)) {
            negative = true;
            line = trimmed(line.substr(negative_mark.size()));
        }
        std::string& prompt = negative ? out.negative_prompt : out.prompt;
        if (!prompt.empty()) prompt += '\n';
        prompt += line;
    }
}

}  // namespace

std::string format_generation_parameters(const GenerationParameters& parameters) {
    std::string out = parameters.prompt;
    if (!parameters.negative_prompt.empty())
        out += concat('\n', negative_mark, ' ', parameters.negative_prompt);
    std::string separator = "\n";
    for (const auto& [key, value] : settings_of(parameters)) {
        out += concat(separator, key, ": ", quoted(value));
        separator = ", ";
    }
    return std::string(trimmed(out));
}

std::optional<GenerationParameters> parse_generation_parameters(std::string_view text) {
    text = trimmed(text);
    const std::size_t newline = text.rfind('\n');
    const std::size_t last = newline == std::string_view::npos ? 0 : newline + 1;
    const auto settings = parse_settings(text.substr(last));
    GenerationParameters out;
    for (const auto& [key, value] : settings)
        if (!assign(key, value, out)) out.others.emplace_back(key, value);
    // The original takes a line with three settings for the settings; a sentence with three colons is none.
    if (settings.size() < 3 || !out.steps) return std::nullopt;
    join_schedule_type(out);
    read_prompts(text.substr(0, last), out);
    return out;
}

std::string sampler_label(std::string_view scheduler) {
    for (const auto& [name, label] : samplers)
        if (name == scheduler) return std::string(label);
    return std::string(scheduler);
}

std::string sampler_name(std::string_view label) {
    for (const auto& [name, known] : samplers)
        if (same_letters(known, label)) return std::string(name);
    return std::string(label);
}

}  // namespace hra

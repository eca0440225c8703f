// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "text/clip_tokenizer_files.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"

namespace hra::detail {
namespace {

namespace fs = std::filesystem;

int token_id(const Json& value, const std::string& token, std::string_view where) {
    check(json_fits<int>(value) && value.get<int>() >= 0, where,
          "wanted ids that are integers from 0 on, got ", value.dump(), " for '", token, "'");
    return value.get<int>();
}

BytePairEncoder::Vocabulary vocabulary_of(const Json& json, std::string_view where) {
    check(json.is_object() && !json.empty(), where, "wanted an object of tokens and their ids, got ",
          json.is_object() ? "an empty one" : json.type_name());
    BytePairEncoder::Vocabulary out;
    out.reserve(json.size());
    for (const auto& [token, value] : json.items()) out.emplace(token, token_id(value, token, where));
    return out;
}

/// "left right" -> {left, right}.
std::pair<std::string, std::string> merge_of(std::string_view line, std::size_t number,
                                             std::string_view where) {
    const auto blank = line.find(' ');
    const bool good = blank != std::string_view::npos && blank > 0 && blank + 1 < line.size() &&
                      line.find(' ', blank + 1) == std::string_view::npos;
    check(good, where, "wanted two tokens and one blank in each line, got '", line, "' in line ", number);
    return {std::string(line.substr(0, blank)), std::string(line.substr(blank + 1))};
}

BytePairEncoder::Merges read_merges(const fs::path& path) {
    const std::string content = read_file(path);
    std::string_view rest = content;
    while (!rest.empty() && (rest.back() == '\n' || rest.back() == '\r')) rest.remove_suffix(1);
    BytePairEncoder::Merges out;
    for (std::size_t number = 1; !rest.empty(); ++number) {
        std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (number == 1 && line.starts_with("#version")) continue;
        out.push_back(merge_of(line, number, path.string()));
    }
    return out;
}

/// Either ["a b", ...] or, from newer writers, [["a", "b"], ...].
BytePairEncoder::Merges merges_of(const Json& list, std::string_view where) {
    check(list.is_array(), where, "wanted a list of merges, got ", list.type_name());
    BytePairEncoder::Merges out;
    for (const auto& entry : list) {
        if (entry.is_string()) {
            out.push_back(merge_of(entry.get_ref<const std::string&>(), out.size() + 1, where));
            continue;
        }
        check(json_fits<std::vector<std::string>>(entry) && entry.size() == 2, where,
              "wanted merges of two tokens, got ", entry.dump(-1, ' ', false, Json::error_handler_t::replace),
              " as merge ", out.size() + 1);
        out.emplace_back(entry[0].get<std::string>(), entry[1].get<std::string>());
    }
    return out;
}

/// A token is written as a string or as an object with its "content"; null leaves the default.
void read_token(const Json& json, const char* key, std::string& token, std::string_view where) {
    if (!json.contains(key) || json.at(key).is_null()) return;
    const Json& value = json.at(key);
    token = value.is_object() ? json_value<std::string>(value, "content", where)
                              : json_value<std::string>(json, key, where);
}

void read_tokens(const Json& json, CLIPTokenizerConfig& config, std::string_view where) {
    check(json.is_object(), where, "wanted an object, got ", json.type_name());
    read_token(json, "bos_token", config.bos_token, where);
    read_token(json, "eos_token", config.eos_token, where);
    read_token(json, "unk_token", config.unk_token, where);
    read_token(json, "pad_token", config.pad_token, where);
}

/// {"49408": {"content": "<new1>", ...}, ...}
void read_added_tokens_decoder(const Json& json, CLIPTokenizerConfig& config, std::string_view where) {
    check(json.is_object(), where, "wanted added_tokens_decoder as an object, got ", json.type_name());
    for (const auto& [key, entry] : json.items()) {
        int id = -1;
        const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
        check(error == std::errc{} && end == key.data() + key.size() && id >= 0, where,
              "wanted ids as keys of added_tokens_decoder, got '", key, "'");
        config.added_tokens[json_value<std::string>(entry, "content", where)] = id;
    }
}

void read_length(const Json& json, CLIPTokenizerConfig& config, std::string_view where) {
    // A model without a limit is written with a huge number (1e30); the text encoder's limit is ours then.
    constexpr double no_limit = 1e9;
    if (json_value<double>(json, "model_max_length", 0.0, where) >= no_limit) return;
    config.model_max_length = json_value<int>(json, "model_max_length", config.model_max_length, where);
    check(config.model_max_length >= 3, where, "wanted model_max_length from 3 on, got ",
          config.model_max_length);
}

}  // namespace

CLIPTokenizerConfig read_tokenizer_config(const fs::path& folder) {
    CLIPTokenizerConfig config;
    if (const auto path = folder / "tokenizer_config.json"; fs::exists(path)) {
        const Json json = read_json(path);
        read_tokens(json, config, path.string());
        read_length(json, config, path.string());
        if (json.contains("added_tokens_decoder"))
            read_added_tokens_decoder(json.at("added_tokens_decoder"), config, path.string());
    }
    if (const auto path = folder / "special_tokens_map.json"; fs::exists(path))
        read_tokens(read_json(path), config, path.string());
    if (const auto path = folder / "added_tokens.json"; fs::exists(path)) {
        const Json json = read_json(path);
        check(json.is_object(), path.string(), "wanted an object, got ", json.type_name());
        for (const auto& [token, value] : json.items())
            config.added_tokens[token] = token_id(value, token, path.string());
    }
    return config;
}

BytePairEncoder read_byte_pair_encoder(const fs::path& vocab, const fs::path& merges) {
    auto vocabulary = vocabulary_of(read_json(vocab), vocab.string());
    return {std::move(vocabulary), read_merges(merges), merges.string()};
}

BytePairEncoder read_byte_pair_encoder(const fs::path& tokenizer_json, CLIPTokenizerConfig& config) {
    const std::string where = tokenizer_json.string();
    const Json json = read_json(tokenizer_json);
    const Json model = json.is_object() ? json.value("model", Json::object()) : Json::object();
    check(model.is_object() && model.contains("vocab") && model.contains("merges"), where,
          "wanted a model with vocab and merges, got none");
    const auto suffix = json_value<std::string>(model, "end_of_word_suffix", std::string{}, where);
    check(suffix == "</w>", where, "wanted CLIP's end_of_word_suffix '</w>', got '", suffix, "'");
    if (json.contains("added_tokens")) {
        check(json.at("added_tokens").is_array(), where, "wanted added_tokens as a list, got ",
              json.at("added_tokens").type_name());
        for (const auto& entry : json.at("added_tokens")) {
            const auto token = json_value<std::string>(entry, "content", where);
            config.added_tokens[token] = token_id(entry.value("id", Json()), token, where);
        }
    }
    return {vocabulary_of(model.at("vocab"), where), merges_of(model.at("merges"), where), where};
}

}  // namespace hra::detail

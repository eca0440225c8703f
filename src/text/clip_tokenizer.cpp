// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "text/clip_tokenizer.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "text/clip_tokenizer_files.h"
#include "text/clip_words.h"

namespace hra {
namespace {

namespace fs = std::filesystem;

// Enough for every word of a long session; the cache starts anew beyond, so that it cannot grow for ever.
constexpr std::size_t max_cached_words = 1 << 16;

/// Takes away the blank before each of the given endings.
std::string close_up(std::string_view text) {
    constexpr std::array<std::string_view, 9> endings{".", "?", "!", ",", "n't", "'m", "'s", "'ve", "'re"};
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto rest = text.substr(i + 1);
        const bool closes = std::any_of(endings.begin(), endings.end(),
                                        [&](std::string_view ending) { return rest.starts_with(ending); });
        if (text[i] != ' ' || !closes) out += text[i];
    }
    return out;
}

}  // namespace

CLIPTokenizer CLIPTokenizer::load(const fs::path& folder) {
    check(fs::is_directory(folder), "tokenizer", "wanted a folder with vocab.json and merges.txt, got ",
          folder);
    auto config = detail::read_tokenizer_config(folder);
    if (fs::exists(folder / "vocab.json"))
        return load(folder / "vocab.json", folder / "merges.txt", std::move(config));
    const auto file = folder / "tokenizer.json";
    check(fs::exists(file), "tokenizer", "wanted vocab.json and merges.txt, or tokenizer.json, in ", folder,
          ", got none of them");
    auto encoder = detail::read_byte_pair_encoder(file, config);
    return {std::move(encoder), config, file.string()};
}

CLIPTokenizer CLIPTokenizer::load(const fs::path& vocab, const fs::path& merges, CLIPTokenizerConfig config) {
    return {detail::read_byte_pair_encoder(vocab, merges), config, vocab.string()};
}

CLIPTokenizer::CLIPTokenizer(BytePairEncoder encoder, const CLIPTokenizerConfig& config,
                             std::string_view where)
    : encoder_(std::move(encoder)),
      bos_(special_id(config.bos_token, config, "BOS", where)),
      eos_(special_id(config.eos_token, config, "EOS", where)),
      unk_(special_id(config.unk_token, config, "unknown", where)),
      pad_(special_id(config.pad_token, config, "padding", where)),
      length_(config.model_max_length) {
    specials_ = {{config.bos_token, bos_},
                 {config.eos_token, eos_},
                 {config.unk_token, unk_},
                 {config.pad_token, pad_}};
    specials_.insert(specials_.end(), config.added_tokens.begin(), config.added_tokens.end());
    std::erase_if(specials_, [](const auto& special) { return special.first.empty(); });
    std::sort(specials_.begin(), specials_.end(), [](const auto& a, const auto& b) {
        return a.first.size() != b.first.size() ? a.first.size() > b.first.size() : a.first < b.first;
    });
    specials_.erase(std::unique(specials_.begin(), specials_.end()), specials_.end());
}

int CLIPTokenizer::special_id(const std::string& token, const CLIPTokenizerConfig& config, const char* role,
                              std::string_view where) const {
    const auto added = config.added_tokens.find(token);
    const int id = added != config.added_tokens.end() ? added->second : encoder_.id(token);
    check(id >= 0, where, "wanted the ", role, " token '", token, "' in the vocabulary, got none");
    return id;
}

std::vector<int> CLIPTokenizer::encode_word(const std::string& word) const {
    // Reached by specials in capitals only: the others have been split off before lower-casing.
    if (word.starts_with("<|"))
        for (const auto& [token, id] : specials_)
            if (token == word) return {id};
    {
        const std::scoped_lock lock(cache_->mutex);
        const auto found = cache_->words.find(word);
        if (found != cache_->words.end()) return found->second;
    }
    auto ids = encoder_.encode(word);
    std::replace(ids.begin(), ids.end(), -1, unk_);
    const std::scoped_lock lock(cache_->mutex);
    if (cache_->words.size() >= max_cached_words) cache_->words.clear();
    cache_->words.emplace(word, ids);
    return ids;
}

void CLIPTokenizer::append_text(std::string_view text, std::vector<int>& ids) const {
    for (const auto& word : clip_words(text)) {
        const auto pieces = encode_word(word);
        ids.insert(ids.end(), pieces.begin(), pieces.end());
    }
}

std::vector<int> CLIPTokenizer::encode(std::string_view text) const {
    std::vector<int> ids;
    std::size_t begin = 0;  // of the text since the last special token
    for (std::size_t at = 0; at < text.size();) {
        const auto special = std::find_if(specials_.begin(), specials_.end(), [&](const auto& s) {
            return text.substr(at).starts_with(s.first);
        });
        if (special == specials_.end()) {
            ++at;
            continue;
        }
        append_text(text.substr(begin, at - begin), ids);
        ids.push_back(special->second);
        begin = at += special->first.size();
    }
    append_text(text.substr(begin), ids);
    return ids;
}

TokenizedPrompt CLIPTokenizer::tokenize(std::string_view text) const {
    const auto content = encode(text);
    const auto room = static_cast<std::size_t>(length_ - 2);
    const auto kept = static_cast<std::ptrdiff_t>(std::min(content.size(), room));
    TokenizedPrompt out;
    out.ids.reserve(static_cast<std::size_t>(length_));
    out.ids.push_back(bos_);
    out.ids.insert(out.ids.end(), content.begin(), content.begin() + kept);
    out.ids.push_back(eos_);
    out.count = static_cast<int>(out.ids.size());
    out.ids.resize(static_cast<std::size_t>(length_), pad_);
    out.cut_off = decode({content.begin() + kept, content.end()});
    return out;
}

std::string CLIPTokenizer::decode(const std::vector<int>& ids) const {
    std::string text;
    for (const int id : ids) {
        const auto special =
            std::find_if(specials_.begin(), specials_.end(), [&](const auto& s) { return s.second == id; });
        text += special != specials_.end() ? special->first + ' ' : encoder_.bytes(id);
    }
    while (text.ends_with(' ')) text.pop_back();
    return close_up(text);
}

}  // namespace hra

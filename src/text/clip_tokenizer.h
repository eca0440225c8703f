// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// CLIP's tokenizer as Stable Diffusion v1.5 uses it.
// transformers: models/clip/tokenization_clip.py (CLIPTokenizer, the slow one).
//
// It follows CLIPTokenizer as it works where ftfy is not installed, the usual case: BasicTokenizer's
// cleaning, NFC, lower-casing, CJK ideographs apart, no HTML unescaping. openai/CLIP (ftfy and HTML entities)
// and CLIPTokenizerFast (control characters kept, ideographs together) give other ids for such text; for
// ordinary prompts all of them agree.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/byte_pair_encoder.h"

namespace hra {

/// A prompt as the text encoder wants it.
struct TokenizedPrompt {
    std::vector<int> ids;  // model_max_length ids: BOS, the text, EOS, padding
    int count = 0;         // how many of them come before the padding, BOS and EOS included
    std::string cut_off;   // the end of the text that did not fit, decoded; empty when everything fitted
};

/// The specials and the length. The defaults are those of the original class.
struct CLIPTokenizerConfig {
    std::string bos_token = "<|startoftext|>";
    std::string eos_token = "<|endoftext|>";
    std::string unk_token = "<|endoftext|>";
    std::string pad_token = "<|endoftext|>";
    int model_max_length = 77;
    std::unordered_map<std::string, int> added_tokens;  // beyond the vocabulary, for example "<new1>"
};

class CLIPTokenizer {
public:
    /// Reads a tokenizer/ folder: vocab.json and merges.txt, or else tokenizer.json; the specials and the
    /// length from tokenizer_config.json, special_tokens_map.json and added_tokens.json, where present.
    /// Throws Error naming the file.
    static CLIPTokenizer load(const std::filesystem::path& folder);

    /// Reads a vocabulary and its merges, wherever they lie.
    static CLIPTokenizer load(const std::filesystem::path& vocab, const std::filesystem::path& merges,
                              CLIPTokenizerConfig config = {});

    /// The ids of a text of any length and any bytes, without BOS and EOS. Special tokens that are written
    /// out in the text give their ids. Thread-safe. Throws Error on more than 16 MiB of text.
    std::vector<int> encode(std::string_view text) const;

    /// The same with BOS and EOS, cut or padded to model_max_length.
    TokenizedPrompt tokenize(std::string_view text) const;

    /// The text of `ids`, words parted by single blanks and closed up before punctuation.
    std::string decode(const std::vector<int>& ids) const;

    int bos_id() const { return bos_; }
    int eos_id() const { return eos_; }
    int pad_id() const { return pad_; }
    int model_max_length() const { return length_; }

private:
    struct Cache {
        std::mutex mutex;
        std::unordered_map<std::string, std::vector<int>> words;
    };

    CLIPTokenizer(BytePairEncoder encoder, const CLIPTokenizerConfig& config, std::string_view where);
    int special_id(const std::string& token, const CLIPTokenizerConfig& config, const char* role,
                   std::string_view where) const;
    void append_text(std::string_view text, std::vector<int>& ids) const;
    std::vector<int> encode_word(const std::string& word) const;

    BytePairEncoder encoder_;
    std::vector<std::pair<std::string, int>> specials_;  // the longest first
    int bos_, eos_, unk_, pad_, length_;
    std::unique_ptr<Cache> cache_ = std::make_unique<Cache>();
};

}  // namespace hra

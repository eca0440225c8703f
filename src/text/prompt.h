// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Prompts with weights, in the notation of AUTOMATIC1111's web UI, and their chunks of 75 tokens.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/clip_tokenizer.h"

namespace hra {

/// A stretch of a prompt with one weight.
struct PromptPart {
    std::string text;
    double weight = 1;
    bool starts_chunk = false;  // BREAK stood before it
};

/// Reads `(word)` as weight 1.1, `[word]` as 1/1.1, `(word:1.3)` as 1.3, nested ones as the product, `\(`
/// and the like as plain characters and the word BREAK as the start of a new chunk. Brackets without a
/// partner hold to the end, or stand for themselves when they close nothing. Neighbours of equal weight are
/// joined. At least one part. Throws Error on more than 64 KiB, and on weights beyond +-100 after
/// multiplication.
std::vector<PromptPart> parse_prompt(std::string_view text);

/// A prompt of any length for a text encoder of fixed length: each chunk is encoded on its own, and the
/// results are joined along the sequence.
struct PromptChunks {
    std::vector<std::vector<int>> ids;        // per chunk model_max_length ids: BOS, tokens, EOS, padding
    std::vector<std::vector<float>> weights;  // the weight of each id; 1 for BOS, EOS and padding

    std::size_t size() const { return ids.size(); }
};

/// At least one chunk; a prompt without weights that fits gives CLIPTokenizer::tokenize(text).ids.
PromptChunks chunk_prompt(const CLIPTokenizer& tokenizer, const std::vector<PromptPart>& parts);

/// Appends empty chunks to the shorter one, so that prompt and negative prompt can share a batch.
void match_chunks(const CLIPTokenizer& tokenizer, PromptChunks& a, PromptChunks& b);

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The files of a tokenizer/ folder. transformers: tokenization_utils_base.py (from_pretrained).
#pragma once

#include <filesystem>

#include "text/byte_pair_encoder.h"
#include "text/clip_tokenizer.h"

namespace hra::detail {

/// tokenizer_config.json, special_tokens_map.json (which wins) and added_tokens.json, where present.
CLIPTokenizerConfig read_tokenizer_config(const std::filesystem::path& folder);

/// vocab.json with merges.txt. Throws Error naming the file and what is wrong.
BytePairEncoder read_byte_pair_encoder(const std::filesystem::path& vocab,
                                       const std::filesystem::path& merges);

/// The model of a tokenizer.json; its added tokens that the vocabulary lacks go to `config`.
BytePairEncoder read_byte_pair_encoder(const std::filesystem::path& tokenizer_json,
                                       CLIPTokenizerConfig& config);

}  // namespace hra::detail

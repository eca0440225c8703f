// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Byte-level byte-pair encoding of single words, in CLIP's spelling: a word's last symbol ends in "</w>".
// openai/CLIP: simple_tokenizer.py; Sennrich et al., "Neural Machine Translation of Rare Words with Subword
// Units", algorithm 1.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace hra {

class BytePairEncoder {
public:
    using Vocabulary = std::unordered_map<std::string, int>;
    using Merges = std::vector<std::pair<std::string, std::string>>;

    /// `merges` in order of preference. Throws Error, naming `where`, when two tokens share an id or when a
    /// merge's parts or result are not in the vocabulary.
    BytePairEncoder(Vocabulary vocabulary, const Merges& merges, std::string_view where);

    BytePairEncoder(BytePairEncoder&&) = default;
    BytePairEncoder& operator=(BytePairEncoder&&) = default;

    /// The ids of one word (any bytes); -1 for a symbol that the vocabulary lacks. Time is O(n log n).
    std::vector<int> encode(std::string_view word) const;

    /// The id of a token in the vocabulary's spelling, or -1.
    int id(const std::string& token) const;

    /// The bytes that a token stands for, with a blank for "</w>"; empty for an unknown id.
    std::string bytes(int id) const;

private:
    struct Merge {
        std::uint64_t pair;  // the ids of its parts, by which the list is sorted
        int rank;
        int result;
    };
    static std::uint64_t pair_of(int left, int right);
    void index_tokens(std::string_view where);
    void index_merges(const Merges& merges, std::string_view where);
    const Merge* find(int left, int right) const;
    std::vector<int> symbols(std::string_view word) const;

    Vocabulary ids_;
    std::vector<std::pair<int, const std::string*>> tokens_;  // by id; the strings are the keys of ids_
    std::vector<Merge> merges_;
    std::array<int, 256> byte_ids_;       // of a byte inside a word
    std::array<int, 256> last_byte_ids_;  // of a byte that ends a word
};

}  // namespace hra

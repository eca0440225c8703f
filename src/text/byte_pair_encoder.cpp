// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "text/byte_pair_encoder.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <queue>

#include "core/error.h"

namespace hra {
namespace {

constexpr std::string_view word_suffix = "</w>";

/// The printable character, in UTF-8, that the vocabulary writes for each byte: Latin-1's own where it is
/// printable, the rest in order from U+0100 on.
std::array<std::string, 256> byte_characters() {
    std::array<std::string, 256> out;
    unsigned next = 0x100;
    for (unsigned byte = 0; byte < 256; ++byte) {
        const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
        const unsigned c = printable ? byte : next++;
        if (c >= 0x80) out[byte] += static_cast<char>(0xC0 | (c >> 6));
        out[byte] += static_cast<char>(c >= 0x80 ? 0x80 | (c & 0x3F) : c);
    }
    return out;
}

const std::array<std::string, 256>& byte_character_table() {
    static const auto table = byte_characters();
    return table;
}

}  // namespace

BytePairEncoder::BytePairEncoder(Vocabulary vocabulary, const Merges& merges, std::string_view where)
    : ids_(std::move(vocabulary)) {
    index_tokens(where);
    index_merges(merges, where);
    const auto& characters = byte_character_table();
    for (std::size_t byte = 0; byte < 256; ++byte) {
        byte_ids_[byte] = id(characters[byte]);
        last_byte_ids_[byte] = id(concat(characters[byte], word_suffix));
    }
}

void BytePairEncoder::index_tokens(std::string_view where) {
    tokens_.reserve(ids_.size());
    for (const auto& [token, token_id] : ids_) tokens_.emplace_back(token_id, &token);
    std::sort(tokens_.begin(), tokens_.end());
    const auto same_id = [](const auto& a, const auto& b) { return a.first == b.first; };
    const auto twice = std::adjacent_find(tokens_.begin(), tokens_.end(), same_id);
    if (twice != tokens_.end())
        fail(where, "wanted one token per id, got id ", twice->first, " for '", *twice->second, "' and '",
             *std::next(twice)->second, "'");
}

void BytePairEncoder::index_merges(const Merges& merges, std::string_view where) {
    merges_.reserve(merges.size());
    int rank = 0;
    for (const auto& [left, right] : merges) {
        const int a = id(left), b = id(right), result = id(left + right);
        if (a < 0 || b < 0 || result < 0)
            fail(where, "wanted merges of tokens in the vocabulary, got '", left, ' ', right, "' as merge ",
                 rank + 1, " (do the files belong together?)");
        merges_.push_back({pair_of(a, b), rank++, result});
    }
    // Of a merge that is listed twice the original takes the later rank.
    std::sort(merges_.begin(), merges_.end(), [](const Merge& a, const Merge& b) {
        return a.pair != b.pair ? a.pair < b.pair : a.rank > b.rank;
    });
    const auto same_pair = [](const Merge& a, const Merge& b) { return a.pair == b.pair; };
    merges_.erase(std::unique(merges_.begin(), merges_.end(), same_pair), merges_.end());
}

std::uint64_t BytePairEncoder::pair_of(int left, int right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

const BytePairEncoder::Merge* BytePairEncoder::find(int left, int right) const {
    const auto pair = pair_of(left, right);
    const auto found =
        std::lower_bound(merges_.begin(), merges_.end(), pair,
                         [](const Merge& merge, std::uint64_t wanted) { return merge.pair < wanted; });
    return found != merges_.end() && found->pair == pair ? &*found : nullptr;
}

int BytePairEncoder::id(const std::string& token) const {
    const auto found = ids_.find(token);
    return found == ids_.end() ? -1 : found->second;
}

std::string BytePairEncoder::bytes(int id) const {
    static const auto byte_of = [] {
        std::unordered_map<std::string_view, char> out;
        const auto& characters = byte_character_table();
        for (std::size_t byte = 0; byte < 256; ++byte) out.emplace(characters[byte], static_cast<char>(byte));
        return out;
    }();
    const auto found = std::lower_bound(tokens_.begin(), tokens_.end(), id,
                                        [](const auto& entry, int wanted) { return entry.first < wanted; });
    if (found == tokens_.end() || found->first != id) return {};
    std::string_view token = *found->second;
    const bool ends_word = token.ends_with(word_suffix);
    if (ends_word) token.remove_suffix(word_suffix.size());
    std::string out;
    while (!token.empty()) {
        const std::size_t length = (token[0] & 0x80) != 0 && token.size() > 1 ? 2 : 1;
        const auto byte = byte_of.find(token.substr(0, length));
        if (byte != byte_of.end()) out += byte->second;
        token.remove_prefix(length);
    }
    if (ends_word) out += ' ';
    return out;
}

std::vector<int> BytePairEncoder::symbols(std::string_view word) const {
    std::vector<int> out;
    out.reserve(word.size());
    for (const char c : word) out.push_back(byte_ids_[static_cast<unsigned char>(c)]);
    if (!out.empty()) out.back() = last_byte_ids_[static_cast<unsigned char>(word.back())];
    return out;
}

std::vector<int> BytePairEncoder::encode(std::string_view word) const {
    auto symbol = symbols(word);
    const std::size_t count = symbol.size();
    // A doubly linked list over the word's bytes; a merged pair lives on at its left place.
    std::vector<std::size_t> next(count), previous(count);
    for (std::size_t i = 0; i < count; ++i)
        next[i] = i + 1, previous[i] = i - 1;  // the first wraps: no place
    std::vector<bool> gone(count);
    const auto merge_at = [&](std::size_t i) -> const Merge* {
        return i < count && !gone[i] && next[i] < count ? find(symbol[i], symbol[next[i]]) : nullptr;
    };
    std::priority_queue<std::pair<int, std::size_t>, std::vector<std::pair<int, std::size_t>>, std::greater<>>
        queue;
    const auto offer = [&](std::size_t i) {
        if (const auto* merge = merge_at(i)) queue.emplace(merge->rank, i);
    };
    for (std::size_t i = 0; i < count; ++i) offer(i);
    // As in the original, a round merges every place of the best pair, from the left, before it looks again.
    std::vector<std::size_t> merged;
    while (!queue.empty()) {
        const int rank = queue.top().first;
        merged.clear();
        for (; !queue.empty() && queue.top().first == rank; queue.pop()) {
            const std::size_t i = queue.top().second;
            const auto* merge = merge_at(i);
            if (merge == nullptr || merge->rank != rank) continue;
            symbol[i] = merge->result;
            gone[next[i]] = true;
            next[i] = next[next[i]];
            if (next[i] < count) previous[next[i]] = i;
            merged.push_back(i);
        }
        for (const std::size_t i : merged) offer(previous[i]), offer(i);
    }
    std::vector<int> ids;
    for (std::size_t i = 0; i < count; i = next[i]) ids.push_back(symbol[i]);
    return ids;
}

}  // namespace hra

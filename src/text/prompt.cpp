// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "text/prompt.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <system_error>
#include <utility>

#include "core/error.h"

namespace hra {
namespace {

constexpr std::size_t max_prompt_bytes = 64 * 1024;
constexpr double max_weight = 100;
constexpr double round_factor = 1.1;
constexpr double square_factor = 1 / 1.1;

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool is_word_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}

class PromptParser {
public:
    explicit PromptParser(std::string_view text) : text_(text) {}

    std::vector<PromptPart> parse() {
        while (at_ < text_.size()) step();
        for (const auto begin : round_) scale_from(begin, round_factor);
        for (const auto begin : square_) scale_from(begin, square_factor);
        return joined();
    }

private:
    void step() {
        const char c = text_[at_];
        if (c == '\\') return escape();
        if (c == '(') return open(round_);
        if (c == '[') return open(square_);
        if (c == ')' && !round_.empty()) return close(round_, round_factor, 1);
        if (c == ']' && !square_.empty()) return close(square_, square_factor, 1);
        if (c == ':' && !round_.empty())
            if (const auto weight = weight_here()) return close(round_, weight->first, weight->second);
        plain();
    }

    /// The backslash goes; a bracket or backslash after it stays as it is.
    void escape() {
        ++at_;
        if (at_ < text_.size() && std::string_view("()[]\\").find(text_[at_]) != std::string_view::npos)
            add(text_.substr(at_++, 1));
    }

    void open(std::vector<std::size_t>& brackets) {
        brackets.push_back(parts_.size());
        ++at_;
    }

    void close(std::vector<std::size_t>& brackets, double factor, std::size_t length) {
        scale_from(brackets.back(), factor);
        brackets.pop_back();
        at_ += length;
    }

    /// The number and the length of ":1.3)" at this place.
    std::optional<std::pair<double, std::size_t>> weight_here() const {
        std::size_t i = at_ + 1;
        while (i < text_.size() && is_blank(text_[i])) ++i;
        const std::size_t sign = i;
        if (i < text_.size() && (text_[i] == '+' || text_[i] == '-')) ++i;
        const std::size_t digits = i;
        while (i < text_.size() && (text_[i] == '.' || (text_[i] >= '0' && text_[i] <= '9'))) ++i;
        double weight = 0;
        const auto [end, error] =
            std::from_chars(text_.data() + digits, text_.data() + i, weight, std::chars_format::fixed);
        if (digits == i || error != std::errc{} || end != text_.data() + i) return std::nullopt;
        while (i < text_.size() && is_blank(text_[i])) ++i;
        if (i == text_.size() || text_[i] != ')') return std::nullopt;
        return std::pair(text_[sign] == '-' ? -weight : weight, i + 1 - at_);
    }

    /// Text up to the next character with a meaning; one that has none here stands for itself.
    void plain() {
        const std::size_t end = std::min(text_.find_first_of("\\()[]:", at_ + 1), text_.size());
        std::string_view run = text_.substr(at_, end - at_);
        at_ = end;
        for (auto cut = find_break(run); cut != std::string_view::npos; cut = find_break(run)) {
            auto before = run.substr(0, cut);
            while (!before.empty() && is_blank(before.back())) before.remove_suffix(1);
            add(before);
            run.remove_prefix(cut + break_word.size());
            while (!run.empty() && is_blank(run.front())) run.remove_prefix(1);
            add({}, true);
        }
        add(run);
    }

    static std::size_t find_break(std::string_view run) {
        for (auto at = run.find(break_word); at != std::string_view::npos;
             at = run.find(break_word, at + 1)) {
            const std::size_t end = at + break_word.size();
            if ((at == 0 || !is_word_character(run[at - 1])) &&
                (end == run.size() || !is_word_character(run[end])))
                return at;
        }
        return std::string_view::npos;
    }

    void add(std::string_view text, bool starts_chunk = false) {
        parts_.push_back({std::string(text), 1, starts_chunk});
    }

    void scale_from(std::size_t begin, double factor) {
        for (std::size_t i = begin; i < parts_.size(); ++i) parts_[i].weight *= factor;
    }

    std::vector<PromptPart> joined() {
        std::vector<PromptPart> out;
        bool starts_chunk = false;
        for (auto& part : parts_) {
            // An empty part only carries its BREAK on to the text behind it.
            starts_chunk = starts_chunk || part.starts_chunk;
            if (part.text.empty()) continue;
            check(std::abs(part.weight) <= max_weight, "prompt", "wanted weights up to ", max_weight,
                  ", got ", part.weight, " for '", part.text, "'");
            part.starts_chunk = std::exchange(starts_chunk, false);
            if (!out.empty() && !part.starts_chunk && out.back().weight == part.weight)
                out.back().text += part.text;
            else
                out.push_back(std::move(part));
        }
        if (out.empty()) out.emplace_back();
        return out;
    }

    static constexpr std::string_view break_word = "BREAK";

    std::string_view text_;
    std::size_t at_ = 0;
    std::vector<PromptPart> parts_;
    std::vector<std::size_t> round_, square_;  // where the open brackets' contents begin in parts_
};

/// Fills chunk after chunk.
class Chunker {
public:
    explicit Chunker(const CLIPTokenizer& tokenizer)
        : tokenizer_(tokenizer), room_(static_cast<std::size_t>(tokenizer.model_max_length() - 2)) {}

    void add(int id, float weight) {
        if (ids_.size() == room_) finish_chunk();
        ids_.push_back(id);
        weights_.push_back(weight);
    }

    void finish_chunk() {
        const auto length = static_cast<std::size_t>(tokenizer_.model_max_length());
        ids_.insert(ids_.begin(), tokenizer_.bos_id());
        ids_.push_back(tokenizer_.eos_id());
        ids_.resize(length, tokenizer_.pad_id());
        weights_.insert(weights_.begin(), 1.0F);
        weights_.resize(length, 1.0F);
        chunks_.ids.push_back(std::exchange(ids_, {}));
        chunks_.weights.push_back(std::exchange(weights_, {}));
    }

    bool at_start() const { return ids_.empty(); }
    PromptChunks& chunks() { return chunks_; }

private:
    const CLIPTokenizer& tokenizer_;
    std::size_t room_;
    std::vector<int> ids_;
    std::vector<float> weights_;
    PromptChunks chunks_;
};

}  // namespace

std::vector<PromptPart> parse_prompt(std::string_view text) {
    check(text.size() <= max_prompt_bytes, "prompt", "wanted a prompt of at most ", max_prompt_bytes,
          " bytes, got ", text.size());
    return PromptParser(text).parse();
}

PromptChunks chunk_prompt(const CLIPTokenizer& tokenizer, const std::vector<PromptPart>& parts) {
    Chunker chunker(tokenizer);
    for (const auto& part : parts) {
        if (part.starts_chunk && !chunker.at_start()) chunker.finish_chunk();
        for (const int id : tokenizer.encode(part.text)) chunker.add(id, static_cast<float>(part.weight));
    }
    if (!chunker.at_start() || chunker.chunks().ids.empty()) chunker.finish_chunk();
    return std::move(chunker.chunks());
}

void match_chunks(const CLIPTokenizer& tokenizer, PromptChunks& a, PromptChunks& b) {
    const auto pad = [&](PromptChunks& chunks, std::size_t count) {
        const auto empty = chunk_prompt(tokenizer, {});
        while (chunks.size() < count) {
            chunks.ids.push_back(empty.ids.front());
            chunks.weights.push_back(empty.weights.front());
        }
    };
    pad(a, b.size());
    pad(b, a.size());
}

}  // namespace hra

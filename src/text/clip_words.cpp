// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "text/clip_words.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include "core/error.h"

namespace hra {
namespace {

constexpr std::size_t max_text_bytes = std::size_t{16} << 20;

bool is_dropped(UChar32 c) {
    if (c == '\t' || c == '\n' || c == '\r') return false;
    return c == 0xFFFD || (U_GET_GC_MASK(c) & U_GC_C_MASK) != 0;
}

bool is_blank(UChar32 c) {
    return c == '\t' || c == '\n' || c == '\r' || u_charType(c) == U_SPACE_SEPARATOR;
}

/// BERT's list of CJK blocks, which CLIP inherits. Kana and Hangul are not in it.
bool is_cjk_ideograph(UChar32 c) {
    constexpr std::array<std::pair<UChar32, UChar32>, 8> blocks{{{0x4E00, 0x9FFF},
                                                                 {0x3400, 0x4DBF},
                                                                 {0x20000, 0x2A6DF},
                                                                 {0x2A700, 0x2B73F},
                                                                 {0x2B740, 0x2B81F},
                                                                 {0x2B820, 0x2CEAF},
                                                                 {0xF900, 0xFAFF},
                                                                 {0x2F800, 0x2FA1F}}};
    for (const auto& [first, last] : blocks)
        if (c >= first && c <= last) return true;
    return false;
}

icu::UnicodeString clean(std::string_view text) {
    const auto source =
        icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())));
    icu::UnicodeString out;
    for (std::int32_t i = 0; i < source.length(); i = source.moveIndex32(i, 1)) {
        const UChar32 c = source.char32At(i);
        if (is_dropped(c)) continue;
        if (is_blank(c))
            out.append(u' ');
        else if (is_cjk_ideograph(c))
            out.append(u' ').append(c).append(u' ');
        else
            out.append(c);
    }
    return out;
}

icu::UnicodeString normalise(const icu::UnicodeString& text) {
    UErrorCode status = U_ZERO_ERROR;
    const auto* nfc = icu::Normalizer2::getNFCInstance(status);
    icu::UnicodeString out;
    if (U_SUCCESS(status)) out = nfc->normalize(text, status);
    check(U_SUCCESS(status), "tokenizer", "cannot normalise the text: ", u_errorName(status));
    return out.toLower(icu::Locale::getRoot());
}

enum class Kind { space, letter, number, other };

Kind kind_of(UChar32 c) {
    const auto mask = U_GET_GC_MASK(c);
    if ((mask & U_GC_L_MASK) != 0) return Kind::letter;
    if ((mask & U_GC_N_MASK) != 0) return Kind::number;
    return u_isUWhiteSpace(c) ? Kind::space : Kind::other;
}

/// The length of `literal` (ASCII) when the text has it at `at`, else 0. The original pattern ignores case,
/// and there the long s, which lower-casing leaves alone, is an s.
std::int32_t match(const icu::UnicodeString& text, std::int32_t at, std::string_view literal) {
    const auto length = static_cast<std::int32_t>(literal.size());
    if (text.length() - at < length) return 0;
    for (std::int32_t i = 0; i < length; ++i) {
        const char16_t c = text[at + i] == 0x17F ? u's' : text[at + i];
        if (c != static_cast<unsigned char>(literal[static_cast<std::size_t>(i)])) return 0;
    }
    return length;
}

/// The end of the word that begins at `begin`, by the alternatives of the pattern in their order.
std::int32_t word_end(const icu::UnicodeString& text, std::int32_t begin) {
    constexpr std::array<std::string_view, 9> literals{
        "<|startoftext|>", "<|endoftext|>", "'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    const char16_t first = text[begin];
    if (first == u'<' || first == u'\'')
        for (const auto literal : literals)
            if (const auto length = match(text, begin, literal); length > 0) return begin + length;
    const Kind kind = kind_of(text.char32At(begin));
    std::int32_t end = text.moveIndex32(begin, 1);
    if (kind == Kind::number) return end;
    while (end < text.length() && kind_of(text.char32At(end)) == kind) end = text.moveIndex32(end, 1);
    return end;
}

}  // namespace

std::vector<std::string> clip_words(std::string_view text) {
    check(text.size() <= max_text_bytes, "tokenizer", "wanted a text of at most ", max_text_bytes,
          " bytes, got ", text.size());
    const icu::UnicodeString cleaned = normalise(clean(text));
    std::vector<std::string> words;
    for (std::int32_t at = 0; at < cleaned.length();) {
        if (kind_of(cleaned.char32At(at)) == Kind::space) {
            at = cleaned.moveIndex32(at, 1);
            continue;
        }
        const std::int32_t end = word_end(cleaned, at);
        cleaned.tempSubStringBetween(at, end).toUTF8String(words.emplace_back());
        at = end;
    }
    return words;
}

}  // namespace hra

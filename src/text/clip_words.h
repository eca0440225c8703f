// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// From a prompt to the words that CLIP's byte-pair encoder sees.
// transformers: models/clip/tokenization_clip.py (CLIPTokenizer without ftfy: BasicTokenizer and its
// pattern).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hra {

/// Cleans `text` (NUL, U+FFFD and characters of the categories C* go; CJK ideographs stand alone; NFC; full
/// lower-casing) and splits it by CLIP's pattern into UTF-8 words without white space: runs of letters,
/// single digits, English contractions, runs of anything else. Ill-formed UTF-8 counts as U+FFFD. Throws
/// Error on more than 16 MiB of text.
std::vector<std::string> clip_words(std::string_view text);

}  // namespace hra

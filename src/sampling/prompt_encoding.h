// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Prompts to the UNet's text conditioning: plain as diffusers does it, or with weights and any length.
#pragma once

#include <string>
#include <vector>

#include <torch/types.h>

#include "models/clip_text_model.h"
#include "text/clip_tokenizer.h"

namespace hra {

enum class PromptSyntax {
    plain,     // the text as it is, cut to 77 tokens
    weighted,  // (word:1.3), [word], BREAK; chunks of 75 tokens
};

struct PromptEmbeds {
    torch::Tensor prompt;    // [1, L, C]
    torch::Tensor negative;  // [1, L, C], the same L
};

/// Encodes both prompts with the layer `clip_skip` from the end (1 is the last), each through the final layer
/// norm. Warns when a plain prompt is cut off.
PromptEmbeds encode_prompts(CLIPTextModel& text_encoder, const CLIPTokenizer& tokenizer,
                            const std::string& prompt, const std::string& negative_prompt,
                            PromptSyntax syntax, std::int64_t clip_skip);

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "sampling/prompt_encoding.h"

#include <torch/torch.h>

#include "core/log.h"
#include "text/prompt.h"

namespace hra {
namespace {

/// n texts of L ids each -> [n, L] int64.
torch::Tensor id_tensor(const std::vector<std::vector<int>>& ids) {
    const auto rows = static_cast<std::int64_t>(ids.size());
    const auto length = static_cast<std::int64_t>(ids.front().size());
    const auto result = torch::empty({rows, length}, torch::kInt64);
    auto values = result.accessor<std::int64_t, 2>();
    for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t i = 0; i < length; ++i)
            values[r][i] = ids[static_cast<std::size_t>(r)][static_cast<std::size_t>(i)];
    return result;
}

/// [n, L] ids -> [n, L, C]. clip_skip counts as A1111 does: 1 is the last layer.
torch::Tensor encode_ids(CLIPTextModel& text_encoder, const torch::Tensor& ids, std::int64_t clip_skip) {
    const auto device = text_encoder->parameters().front().device();
    return text_encoder(ids.to(device), clip_skip - 1).last_hidden_state;
}

std::vector<int> plain_ids(const CLIPTokenizer& tokenizer, const std::string& text) {
    const TokenizedPrompt tokens = tokenizer.tokenize(text);
    if (!tokens.cut_off.empty())
        log::warn("the prompt is longer than ", tokenizer.model_max_length(), " tokens; left out: \"",
                  tokens.cut_off, "\" (prompt_syntax weighted takes any length)");
    return tokens.ids;
}

/// Scales each token by its weight and restores the mean of the whole, as A1111 does.
torch::Tensor apply_weights(const torch::Tensor& embeds, const std::vector<std::vector<float>>& weights) {
    std::vector<float> flat;
    for (const auto& chunk : weights) flat.insert(flat.end(), chunk.begin(), chunk.end());
    if (std::all_of(flat.begin(), flat.end(), [](float w) { return w == 1; })) return embeds;
    const auto scale =
        torch::tensor(flat, torch::kFloat32).view({embeds.size(0), embeds.size(1), 1}).to(embeds.device());
    const auto plain = embeds.to(torch::kFloat32);
    const auto weighted = plain * scale;
    const auto mean = [](const torch::Tensor& x) { return x.mean({1, 2}, /*keepdim=*/true); };
    return (weighted * (mean(plain) / mean(weighted))).to(embeds.scalar_type());
}

torch::Tensor encode_chunks(CLIPTextModel& text_encoder, const PromptChunks& chunks, std::int64_t clip_skip) {
    const auto embeds =
        apply_weights(encode_ids(text_encoder, id_tensor(chunks.ids), clip_skip), chunks.weights);
    return embeds.reshape(
        {1, embeds.size(0) * embeds.size(1), embeds.size(2)});  // the chunks one after the other
}

}  // namespace

PromptEmbeds encode_prompts(CLIPTextModel& text_encoder, const CLIPTokenizer& tokenizer,
                            const std::string& prompt, const std::string& negative_prompt,
                            PromptSyntax syntax, std::int64_t clip_skip) {
    const torch::InferenceMode inference;
    if (syntax == PromptSyntax::plain) {
        const auto ids = id_tensor({plain_ids(tokenizer, prompt), plain_ids(tokenizer, negative_prompt)});
        const auto embeds = encode_ids(text_encoder, ids, clip_skip);
        return {embeds.slice(0, 0, 1), embeds.slice(0, 1, 2)};
    }
    PromptChunks positive = chunk_prompt(tokenizer, parse_prompt(prompt));
    PromptChunks negative = chunk_prompt(tokenizer, parse_prompt(negative_prompt));
    match_chunks(tokenizer, positive, negative);
    return {encode_chunks(text_encoder, positive, clip_skip),
            encode_chunks(text_encoder, negative, clip_skip)};
}

}  // namespace hra

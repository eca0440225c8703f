// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "text/prompt.h"

#include <memory>
#include <random>
#include <sstream>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "support/fixtures.h"

namespace hra {
namespace {

/// "text@weight" of each part, a '/' before a part that starts a chunk.
std::string parsed(std::string_view text) {
    std::ostringstream out;
    const char* separator = "";
    for (const auto& part : parse_prompt(text)) {
        out << separator << (part.starts_chunk ? "/" : "") << part.text << '@' << part.weight;
        separator = "|";
    }
    return out.str();
}

TEST(ParsePrompt, ReadsWeights) {
    EXPECT_EQ(parsed("a dog"), "a dog@1");
    EXPECT_EQ(parsed("a (red) dog"), "a @1|red@1.1| dog@1");
    EXPECT_EQ(parsed("a [red] dog"), "a @1|red@0.909091| dog@1");
    EXPECT_EQ(parsed("a (red:1.3) dog"), "a @1|red@1.3| dog@1");
    EXPECT_EQ(parsed("(red: +.5 )(blue:-2.)"), "red@0.5|blue@-2");
    EXPECT_EQ(parsed("(a (b:2) ((c)))"), "a @1.1|b@2.2| @1.1|c@1.331");
    EXPECT_EQ(parsed("(a [b) c]"), "a @1.1|b@1| c@0.909091");
}

TEST(ParsePrompt, LeavesOtherCharactersAlone) {
    EXPECT_EQ(parsed(R"(\(a\) \[b\] \\ c\d)"), "(a) [b] \\ cd@1");
    EXPECT_EQ(parsed("a: b) c] :1.2)"), "a: b) c] :1.2)@1");
    EXPECT_EQ(parsed("(a:b:1.5)"), "a:b@1.5");
    EXPECT_EQ(parsed("(a:1.2.3)"), "a:1.2.3@1.1");
    EXPECT_EQ(parsed("(a:1e3)"), "a:1e3@1.1");
    EXPECT_EQ(parsed(""), "@1");
    EXPECT_EQ(parsed("()[]"), "@1");
}

TEST(ParsePrompt, LetsOpenBracketsHoldToTheEnd) {
    EXPECT_EQ(parsed("a (b [c"), "a @1|b @1.1|c@1");
}

TEST(ParsePrompt, BreaksChunks) {
    EXPECT_EQ(parsed("a BREAK b"), "a@1|/b@1");
    EXPECT_EQ(parsed("a,BREAK\n(b BREAK c)"), "a,@1|/b@1.1|/c@1.1");
    EXPECT_EQ(parsed("BREAKFAST UNBREAK"), "BREAKFAST UNBREAK@1");
}

TEST(ParsePrompt, RefusesWhatWouldBlowUp) {
    EXPECT_ERROR(parse_prompt("(a:1000)"), "[prompt] wanted weights up to 100, got 1000 for 'a'");
    EXPECT_ERROR(parse_prompt(concat(std::string(64, '('), 'a')), "wanted weights up to 100");
    EXPECT_ERROR(parse_prompt(std::string(70000, 'a')), "wanted a prompt of at most");
}

TEST(ParsePrompt, SurvivesAnyBytes) {
    const std::string alphabet = "()[]:\\.1-+ aBREAK\xC3";
    std::mt19937 random(3);
    for (int round = 0; round < 5000; ++round) {
        std::string text(random() % 40, ' ');
        for (char& c : text) c = alphabet[random() % alphabet.size()];
        try {
            EXPECT_FALSE(parse_prompt(text).empty());
        } catch (const Error&) {
            // A weight out of range.
        }
    }
}

class ChunkPrompt : public ::testing::Test {
protected:
    ChunkPrompt() {
        const auto path = folder_.path();
        write_file(path / "vocab.json",
                   R"({"a</w>": 0, "b</w>": 1, "<|startoftext|>": 8, "<|endoftext|>": 9})");
        write_file(path / "merges.txt", "#version: 0.2\n");
        write_file(path / "tokenizer_config.json", R"({"model_max_length": 5})");
        tokenizer_ = std::make_unique<CLIPTokenizer>(CLIPTokenizer::load(path));
    }

    PromptChunks chunks(std::string_view text) const { return chunk_prompt(*tokenizer_, parse_prompt(text)); }

    using Ids = std::vector<std::vector<int>>;
    using Weights = std::vector<std::vector<float>>;

    test::TemporaryFolder folder_;
    std::unique_ptr<CLIPTokenizer> tokenizer_;
};

TEST_F(ChunkPrompt, GivesOneChunkLikeTheTokenizer) {
    EXPECT_EQ(chunks("a b").ids, (Ids{tokenizer_->tokenize("a b").ids}));
    EXPECT_EQ(chunks("").ids, (Ids{{8, 9, 9, 9, 9}}));
    EXPECT_EQ(chunks("a b a").size(), 1U);
}

TEST_F(ChunkPrompt, CarriesWeightsIntoTheNextChunk) {
    const auto result = chunks("a (b a b:2)");
    EXPECT_EQ(result.ids, (Ids{{8, 0, 1, 0, 9}, {8, 1, 9, 9, 9}}));
    EXPECT_EQ(result.weights, (Weights{{1, 1, 2, 2, 1}, {1, 2, 1, 1, 1}}));
}

TEST_F(ChunkPrompt, BreaksAndMatchesCounts) {
    auto positive = chunks("a BREAK b");
    EXPECT_EQ(positive.ids, (Ids{{8, 0, 9, 9, 9}, {8, 1, 9, 9, 9}}));
    auto negative = chunks("b");
    match_chunks(*tokenizer_, positive, negative);
    EXPECT_EQ(negative.ids, (Ids{{8, 1, 9, 9, 9}, {8, 9, 9, 9, 9}}));
    EXPECT_EQ(negative.weights[1], std::vector<float>(5, 1.0F));
    EXPECT_EQ(positive.size(), 2U);
}

}  // namespace
}  // namespace hra

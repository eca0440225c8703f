// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The tokenizer against lists of strings and ids. Two kinds of list: the original's ids with the full
// vocabulary (rows where the originals differ name their columns), and a plain reference's with our own small
// one.

#include <gtest/gtest.h>

#include "core/json.h"
#include "support/fixtures.h"
#include "text/clip_tokenizer.h"

namespace hra {
namespace {

struct List {
    std::string path;
    bool whole;  // whole prompts with BOS and EOS, cut to 77; else plain ids
};

std::vector<List> lists() {
    std::vector<List> out;
    if (!test::has_fixture("pipeline/tokenizer/vocab.json")) return out;
    if (test::has_fixture("tokenizer/tokens.json")) out.push_back({"tokenizer/tokens.json", true});
    if (test::has_fixture("tokenizer_small/tokens.json"))
        out.push_back({"tokenizer_small/tokens.json", false});
    return out;
}

/// Our column: CLIPTokenizer without ftfy, where it differs from the original.
std::vector<int> wanted(const Json& row) {
    return row.value("hf_slow_noftfy", row.at("ids")).get<std::vector<int>>();
}

class ClipTokenizerGolden : public ::testing::TestWithParam<List> {
protected:
    CLIPTokenizer tokenizer_ = CLIPTokenizer::load(test::fixture("pipeline/tokenizer"));
    Json rows_ = read_json(test::fixture(GetParam().path));
};

TEST_P(ClipTokenizerGolden, GivesTheSameIds) {
    ASSERT_FALSE(rows_.empty());
    for (const auto& row : rows_) {
        const auto text = row.at("text").get<std::string>();
        auto actual = tokenizer_.encode(text);
        if (GetParam().whole) {
            const auto prompt = tokenizer_.tokenize(text);
            actual.assign(prompt.ids.begin(), prompt.ids.begin() + prompt.count);
        }
        EXPECT_EQ(actual, wanted(row)) << row.at("text");
    }
}

TEST_P(ClipTokenizerGolden, PadsAndTellsWhatDidNotFit) {
    const auto length = static_cast<std::size_t>(tokenizer_.model_max_length());
    for (const auto& row : rows_) {
        const auto text = row.at("text").get<std::string>();
        const auto prompt = tokenizer_.tokenize(text);
        ASSERT_EQ(prompt.ids.size(), length);
        for (std::size_t i = static_cast<std::size_t>(prompt.count); i < length; ++i)
            EXPECT_EQ(prompt.ids[i], tokenizer_.pad_id());
        EXPECT_EQ(prompt.cut_off.empty(), tokenizer_.encode(text).size() <= length - 2) << row.at("text");
    }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, ClipTokenizerGolden, ::testing::ValuesIn(lists()),
                         [](const auto& entry) { return test::test_name(entry.param.path); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ClipTokenizerGolden);

}  // namespace
}  // namespace hra

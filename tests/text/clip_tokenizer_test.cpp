// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "text/clip_tokenizer.h"

#include <random>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "support/fixtures.h"

namespace hra {
namespace {

constexpr int bos = 100, eos = 101;

/// A folder with the letters a to e alone; merges: ab, cd</w>, ab cd</w>.
class ClipTokenizer : public ::testing::Test {
protected:
    void SetUp() override {
        int id = 0;
        for (const char c : std::string("abcde!"))
            for (const char* end : {"", "</w>"}) vocab_[std::string(1, c) + end] = id++;
        vocab_["ab"] = 20;
        vocab_["cd</w>"] = 21;
        vocab_["abcd</w>"] = 22;
        vocab_["<|startoftext|>"] = bos;
        vocab_["<|endoftext|>"] = eos;
        write("vocab.json", vocab_.dump());
        write("merges.txt", "#version: 0.2\na b\nc d</w>\nab cd</w>\n");
    }

    void write(const std::string& name, const std::string& content) {
        write_file(folder_.path() / name, content);
    }
    CLIPTokenizer load() const { return CLIPTokenizer::load(folder_.path()); }

    test::TemporaryFolder folder_;
    Json vocab_;
};

using Ids = std::vector<int>;

TEST_F(ClipTokenizer, MergesWordsAndSplitsThem) {
    const auto tokenizer = load();
    EXPECT_EQ(tokenizer.encode("ABCD abc"), (Ids{22, 20, 5}));
    EXPECT_EQ(tokenizer.encode("a!b"), (Ids{1, 11, 3}));
    EXPECT_EQ(tokenizer.encode(""), Ids{});
}

TEST_F(ClipTokenizer, TakesUnknownSymbolsForTheUnknownToken) {
    EXPECT_EQ(load().encode("axb z"), (Ids{0, eos, 3, eos}));
}

TEST_F(ClipTokenizer, FindsSpecialTokensInTheText) {
    EXPECT_EQ(load().encode("a<|endoftext|>b <|STARTOFTEXT|>"), (Ids{1, eos, 3, bos}));
}

TEST_F(ClipTokenizer, CutsAndSaysWhat) {
    write("tokenizer_config.json", R"({"model_max_length": 5, "pad_token": {"content": "!"}})");
    const auto tokenizer = load();
    const auto prompt = tokenizer.tokenize("a b c d, e");
    EXPECT_EQ(prompt.ids, (Ids{bos, 1, 3, 5, eos}));
    EXPECT_EQ(prompt.count, 5);
    EXPECT_EQ(prompt.cut_off, "d <|endoftext|> e");
    const auto padded = tokenizer.tokenize("a");
    EXPECT_EQ(padded.ids, (Ids{bos, 1, eos, 10, 10}));
    EXPECT_EQ(padded.count, 3);
    EXPECT_EQ(padded.cut_off, "");
}

TEST_F(ClipTokenizer, DecodesWithPunctuationClosedUp) {
    const auto tokenizer = load();
    EXPECT_EQ(tokenizer.decode(tokenizer.encode("ab cd !  e!")), "ab cd! e!");
    EXPECT_EQ(tokenizer.decode({9999, -1}), "");
}

TEST_F(ClipTokenizer, ReadsAddedTokensAndAnUnlimitedLength) {
    write("added_tokens.json", R"({"<new1>": 102})");
    write("tokenizer_config.json", R"({"model_max_length": 1000000000000000019884624838656,
          "added_tokens_decoder": {"103": {"content": "<new12>"}}})");
    const auto tokenizer = load();
    EXPECT_EQ(tokenizer.encode("a <new1> b<new12>"), (Ids{1, 102, 3, 103}));
    EXPECT_EQ(tokenizer.model_max_length(), 77);
}

TEST_F(ClipTokenizer, ReadsTokenizerJson) {
    Json model = {{"type", "BPE"}, {"end_of_word_suffix", "</w>"}, {"vocab", vocab_}};
    model["merges"] = Json::array({"a b", Json::array({"c", "d</w>"}), "ab cd</w>"});
    const Json added = Json::array({{{"id", 102}, {"content", "<new1>"}}});
    write("tokenizer.json", Json{{"model", model}, {"added_tokens", added}}.dump());
    std::filesystem::remove(folder_.path() / "vocab.json");
    EXPECT_EQ(load().encode("abcd <new1> abc"), (Ids{22, 102, 20, 5}));
}

TEST_F(ClipTokenizer, KeepsItsIdsWhateverIsInTheCache) {
    const auto tokenizer = load();
    const auto once = tokenizer.encode("abcd abc");
    for (int i = 0; i < 70000; ++i) tokenizer.encode(concat("ab", std::string(1, 'a'), i, 'c'));
    EXPECT_EQ(tokenizer.encode("abcd abc"), once);
    EXPECT_EQ(tokenizer.encode("<|ENDOFTEXT|>"), (Ids{eos}));
}

TEST_F(ClipTokenizer, TakesALongWordInItsStride) {
    std::string word;
    for (int i = 0; i < 100000; ++i) word += "ab";
    EXPECT_EQ(load().encode(word).size(), 100001U);
    EXPECT_ERROR(load().encode(std::string((16 << 20) + 1, 'a')), "[tokenizer] wanted a text of at most");
}

TEST_F(ClipTokenizer, SurvivesAnyBytes) {
    const auto tokenizer = load();
    std::mt19937 random(7);
    for (int round = 0; round < 2000; ++round) {
        std::string text(random() % 64, ' ');
        for (char& c : text) c = static_cast<char>(random());
        const auto prompt = tokenizer.tokenize(text);
        EXPECT_EQ(prompt.ids.size(), 77U);
    }
    EXPECT_EQ(tokenizer.encode("a\xFF\xC3(\xED\xA0\x80"), tokenizer.encode("a("));
}

TEST_F(ClipTokenizer, SaysWhichFileIsBad) {
    write("merges.txt", "#version: 0.2\na b\na b c\n");
    EXPECT_ERROR(load(), "merges.txt] wanted two tokens and one blank in each line, got 'a b c' in line 3");
    write("merges.txt", "#version: 0.2\na x\n");
    EXPECT_ERROR(load(), "got 'a x' as merge 1");
    std::filesystem::remove(folder_.path() / "merges.txt");
    EXPECT_ERROR(load(), "merges.txt");
    write("merges.txt", "#version: 0.2\n");
    write("vocab.json", R"({"a": 1, "b": 1})");
    EXPECT_ERROR(load(), "wanted one token per id, got id 1");
    write("vocab.json", R"({"a": -1})");
    EXPECT_ERROR(load(), "vocab.json] wanted ids that are integers from 0 on, got -1 for 'a'");
    write("vocab.json", R"({"a": 1})");
    EXPECT_ERROR(load(), "wanted the BOS token '<|startoftext|>' in the vocabulary");
    write("vocab.json", "[1, 2]");
    EXPECT_ERROR(load(), "wanted an object of tokens and their ids, got array");
    std::filesystem::remove(folder_.path() / "vocab.json");
    EXPECT_ERROR(load(), "wanted vocab.json and merges.txt, or tokenizer.json");
    EXPECT_ERROR(CLIPTokenizer::load(folder_.path() / "none"), "wanted a folder");
}

TEST_F(ClipTokenizer, SurvivesBrokenFiles) {
    const std::string good = read_file(folder_.path() / "vocab.json");
    std::mt19937 random(11);
    for (int round = 0; round < 300; ++round) {
        std::string bad = good;
        for (int i = 0; i < 3; ++i) bad[random() % bad.size()] = static_cast<char>(random() % 128);
        write("vocab.json", bad);
        try {
            load().encode("abcd");
        } catch (const Error&) {
            // Refused, which is as good as understood.
        }
    }
}

}  // namespace
}  // namespace hra

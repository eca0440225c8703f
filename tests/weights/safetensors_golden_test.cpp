// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// safetensors against the reference library's files.
#include <gtest/gtest.h>

#include "core/error.h"
#include "support/expect_close.h"
#include "support/fixtures.h"
#include "weights/safetensors.h"
#include "weights/same_tensors.h"

namespace hra {
namespace {

constexpr test::Tolerance exact{0};

TEST(Safetensors, HalfPrecisionFilesHoldTheirValues) {
    for (const std::string kind : {"fp16", "bf16"}) {
        const auto actual = test::golden("formats/good/" + kind + ".safetensors");
        const auto expected = test::golden("formats/good/expected_" + kind + "_as_f32.safetensors");
        ASSERT_EQ(actual.size(), expected.size());
        for (const auto& [name, tensor] : expected)
            EXPECT_CLOSE(actual.at(name), tensor, exact) << kind << ' ' << name;
    }
}

TEST(Safetensors, WritingAndReadingGivesTheSame) {
    for (const auto& file : test::files_with(test::fixture("formats/good"), {".safetensors"})) {
        SCOPED_TRACE(file.filename());
        const test::TemporaryFolder folder;
        const auto original = read_safetensors(file);
        write_safetensors(folder.path() / "copy.safetensors", original.tensors, original.metadata);
        const auto copy = read_safetensors(folder.path() / "copy.safetensors");
        EXPECT_EQ(copy.metadata, original.metadata);
        test::expect_same(copy.tensors, original.tensors);
    }
}

TEST(Safetensors, OddHeadersAreRead) {
    const auto odd = read_safetensors(test::fixture("formats/good/odd_header.safetensors"));
    EXPECT_EQ(odd.tensors.at("z").sizes(), at::IntArrayRef({2, 2}));
    EXPECT_EQ(odd.metadata.at("ss_network_dim"), "4");
    const auto empty = read_safetensors(test::fixture("formats/good/empty_and_scalar.safetensors"));
    EXPECT_EQ(empty.tensors.at("b").dim(), 0);
    EXPECT_EQ(empty.tensors.at("c").sizes(), at::IntArrayRef({3, 0, 2}));
    EXPECT_TRUE(test::golden("formats/good/no_tensors.safetensors").empty());
}

TEST(Safetensors, BadFilesGiveOneErrorThatNamesThem) {
    for (const auto& file : test::files_with(test::fixture("formats/bad"), {".safetensors"})) {
        SCOPED_TRACE(file.filename());
        EXPECT_ERROR(read_safetensors(file), file.filename().string());
    }
}

}  // namespace
}  // namespace hra

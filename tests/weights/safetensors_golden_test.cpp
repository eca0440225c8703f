// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// safetensors against the reference library's files.
#include <gtest/gtest.h>

#include "core/error.h"
#include "support/expect_close.h"
#include "support/fixtures.h"
#include "weights/safetensors.h"

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
    const test::TemporaryFolder folder;
    const auto original = test::golden("formats/good/expected_views.safetensors");
    write_safetensors(folder.path() / "copy.safetensors", original, {{"format", "pt"}});
    const auto copy = read_safetensors(folder.path() / "copy.safetensors");
    EXPECT_EQ(copy.metadata.at("format"), "pt");
    ASSERT_EQ(copy.tensors.size(), original.size());
    for (const auto& [name, tensor] : original) {
        EXPECT_EQ(copy.tensors.at(name).dtype(), tensor.dtype()) << name;
        EXPECT_CLOSE(copy.tensors.at(name), tensor, exact) << name;
    }
}

}  // namespace
}  // namespace hra

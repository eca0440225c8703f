// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "core/json.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "support/fixtures.h"

namespace hra {
namespace {

TEST(ParseJson, RefusesBrokenText) {
    EXPECT_ERROR(parse_json("{\"a\": 1", "file"), "[file] wanted valid JSON");
    EXPECT_ERROR(parse_json("\"\xff\"", "file"), "[file] wanted valid JSON");
    EXPECT_ERROR(parse_json("{\"a\": 1, \"a\": 2}", "file"), "\"a\" twice");
    EXPECT_ERROR(parse_json(std::string(200000, '['), "file"), "deeper nesting");
}

TEST(JsonValue, NamesKeyAndWantedType) {
    const Json json = {{"steps", "ten"}, {"big", 3'000'000'000LL}};
    EXPECT_ERROR(json_value<int>(json, "steps", "x"), "wanted an integer for \"steps\", got \"ten\"");
    EXPECT_ERROR(json_value<int>(json, "big", "x"), "wanted an integer");
    EXPECT_ERROR(json_value<int>(json, "none", "x"), "wanted the key \"none\"");
    EXPECT_EQ(json_value<std::int64_t>(json, "big", "x"), 3'000'000'000LL);
    EXPECT_EQ(json_value<int>(json, "none", 7, "x"), 7);
}

}  // namespace
}  // namespace hra

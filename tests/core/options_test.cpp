// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "core/options.h"

#include <gtest/gtest.h>

#include "support/fixtures.h"

namespace hra {
namespace {

struct Example {
    std::int64_t steps = 50;
    std::string mode = "fast";

    template <class Self, class V>
    static void visit(Self& o, V&& v) {
        v.section("Sampling");
        v("steps", o.steps, "Steps", Range{1, 1000});
        v("mode", o.mode, "Mode", OneOf{{"fast", "slow"}});
    }
};

TEST(Options, SurviveJson) {
    Example a;
    a.steps = (std::int64_t{1} << 53) - 1;
    Example b;
    options_from_json(parse_json(options_to_json(a).dump(), "x"), b, "x");
    EXPECT_EQ(b.steps, a.steps);
}

TEST(Options, SuggestTheNearestName) {
    Example o;
    EXPECT_ERROR(options_from_json(Json{{"stepz", 3}}, o, "config"), "did you mean \"steps\"");
}

TEST(Options, AreCheckedAgainstRangeAndChoices) {
    Example o;
    o.steps = 0;
    EXPECT_ERROR(check_options(o, "example"), "[example] wanted steps from 1 to 1000, got 0");
    o = {};
    o.mode = "medium";
    EXPECT_ERROR(check_options(o, "example"), "one of fast, slow, got \"medium\"");
}

}  // namespace
}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "core/version.h"

TEST(Version, IsStated) {
    EXPECT_STRNE(hra::version(), "");
}

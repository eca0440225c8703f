// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Golden fixtures: where they lie, and temporary folders and log expectations for tests.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "weights/state_dict.h"

namespace hra::test {

/// The fixture root: $HRA_FIXTURES, else the copy in tests/golden.
std::filesystem::path fixture_root();

/// A component's folder below the root, for example fixture("unet"). It must exist.
std::filesystem::path fixture(const std::string& component);

/// True when the root has that folder or file. The copy in tests/golden leaves out what is not ours to ship.
bool has_fixture(const std::string& path);

/// All tensors of a safetensors file below the root, for example golden("unet/golden.safetensors").
StateDict golden(const std::string& path);

/// The distinct first parts of the names before `separator`: the cases of a golden file.
std::vector<std::string> case_names(const StateDict& tensors, char separator);

/// A fresh folder, removed with the object.
class TemporaryFolder {
public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// While it lives, warnings are collected here instead of failing the test.
class ExpectedWarnings {
public:
    ExpectedWarnings();
    ~ExpectedWarnings();
    ExpectedWarnings(const ExpectedWarnings&) = delete;
    ExpectedWarnings& operator=(const ExpectedWarnings&) = delete;
    std::vector<std::string> messages() const;
};

/// A value name that GoogleTest accepts: letters, digits and underscores.
std::string test_name(std::string text);

}  // namespace hra::test

/// Expects `statement` to throw hra::Error whose message contains `text`.
#define EXPECT_ERROR(statement, text)                                               \
    try {                                                                           \
        statement;                                                                  \
        ADD_FAILURE() << "no error from " #statement;                               \
    } catch (const ::hra::Error& e) {                                               \
        EXPECT_NE(std::string(e.what()).find(text), std::string::npos) << e.what(); \
    }

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "support/fixtures.h"

#include <algorithm>
#include <cctype>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "core/error.h"
#include "support/log_watch.h"
#include "weights/safetensors.h"

namespace hra::test {

namespace fs = std::filesystem;

fs::path fixture_root() {
    const char* root = std::getenv("HRA_FIXTURES");
    return root != nullptr && *root != '\0' ? root : HRA_DEFAULT_FIXTURES;
}

fs::path fixture(const std::string& component) {
    const fs::path path = fixture_root() / component;
    check(fs::exists(path), "fixtures", "wanted ", path, ", got nothing there (is HRA_FIXTURES right?)");
    return path;
}

bool has_fixture(const std::string& path) {
    return fs::exists(fixture_root() / path);
}

StateDict golden(const std::string& path) {
    return read_safetensors(fixture(path)).tensors;
}

std::vector<std::string> case_names(const StateDict& tensors, char separator) {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : tensors) {
        const auto end = name.find(separator);
        if (end == std::string::npos) continue;
        const std::string part = name.substr(0, end);
        if (std::find(names.begin(), names.end(), part) == names.end()) names.push_back(part);
    }
    return names;
}

TemporaryFolder::TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "hra_test_XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
        fail("tests", "cannot create a temporary folder like ", pattern);
    path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

ExpectedWarnings::ExpectedWarnings() {
    log_watch().expect(true);
}
ExpectedWarnings::~ExpectedWarnings() {
    log_watch().expect(false);
}
std::vector<std::string> ExpectedWarnings::messages() const {
    return log_watch().expected();
}

std::string test_name(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
    return text;
}

}  // namespace hra::test

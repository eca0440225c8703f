// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Files of torch.save: the original's, and ones made to break readers.
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/files.h"
#include "support/fixtures.h"
#include "weights/pickle.h"
#include "weights/same_tensors.h"
#include "weights/torch_checkpoint.h"

namespace hra {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> checkpoint_extensions{".ckpt", ".pt", ".pth", ".bin", ".pkl"};

/// The safetensors file that holds what a good checkpoint must give; empty for the two special ones.
std::string expected_for(const std::string& file) {
    return file.starts_with("views_") ? "expected_views" : "expected_plain";
}

TEST(TorchCheckpoint, GoodFilesHoldTheExpectedTensors) {
    int files = 0;
    for (const auto& file : test::files_with(test::fixture("formats/good"), checkpoint_extensions)) {
        const std::string name = file.filename();
        if (name.starts_with("numpy_only") || name.starts_with("list_top_level")) continue;  // below
        SCOPED_TRACE(name);
        const StateDict expected = test::golden("formats/good/" + expected_for(name) + ".safetensors");
        test::expect_same(read_torch_checkpoint(file), expected);
        ++files;
    }
    EXPECT_GT(files, 0);
}

TEST(TorchCheckpoint, ListsAreNamedByIndex) {
    const StateDict tensors = read_torch_checkpoint(test::fixture("formats/good/list_top_level.pt"));
    ASSERT_EQ(tensors.size(), 2U);
    EXPECT_EQ(tensors.at("0").dim(), 1);
    EXPECT_EQ(tensors.at("1.x").dim(), 0);
}

TEST(TorchCheckpoint, AFileWithoutTensorsIsAnError) {
    EXPECT_ERROR(read_torch_checkpoint(test::fixture("formats/good/numpy_only.pt")),
                 "wanted a checkpoint with tensors");
}

TEST(TorchCheckpoint, SharedStoragesStayShared) {
    const StateDict tensors = read_torch_checkpoint(test::fixture("formats/good/views_zip.pt"));
    EXPECT_TRUE(tensors.at("full").is_alias_of(tensors.at("transposed")));
    EXPECT_EQ(tensors.at("full").data_ptr(), tensors.at("shared_again").data_ptr());
}

TEST(TorchCheckpoint, BadFilesGiveOneErrorThatNamesThemAndRunNothing) {
    for (const auto& file : test::files_with(test::fixture("formats/bad"), checkpoint_extensions)) {
        SCOPED_TRACE(file.filename());
        EXPECT_ERROR(read_torch_checkpoint(file), file.filename().string());
    }
    for (const fs::path& folder :
         {fs::current_path(), test::fixture("formats/bad"), fs::temp_directory_path()})
        EXPECT_FALSE(fs::exists(folder / "PWNED")) << folder;
}

TEST(TorchCheckpoint, BadPicklesAreErrorsOfTheUnpicklerItself) {
    for (const auto& file : test::files_with(test::fixture("formats/bad"), {".pkl"})) {
        SCOPED_TRACE(file.filename());
        const auto map = MappedFile::open(file);
        EXPECT_ERROR(
            {
                const auto document = pickle::read(map->bytes(), file.string());
                check(document.root->kind == pickle::Kind::dict, file.string(), "no dict");
            },
            file.filename().string());
    }
}

TEST(TorchCheckpoint, EveryCutOfAFileIsAnError) {
    for (const char* name : {"plain_zip.ckpt", "plain_legacy.ckpt", "plain_zip_deflated.ckpt"}) {
        SCOPED_TRACE(name);
        const std::string whole = read_file(test::fixture("formats/good") / name);
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(whole.data());
        for (std::size_t size = 0; size < whole.size(); size += 37)
            EXPECT_ERROR(read_torch_checkpoint({bytes, size}, "cut", nullptr), "[cut");
    }
}

}  // namespace
}  // namespace hra

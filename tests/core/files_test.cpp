// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "core/files.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "support/fixtures.h"

namespace hra {
namespace {

TEST(WriteFile, CreatesFoldersAndReplacesTheWholeFile) {
    const test::TemporaryFolder folder;
    const auto path = folder.path() / "a" / "b.txt";
    write_file(path, "first and long");
    write_file(path, "second");
    EXPECT_EQ(read_file(path), "second");
}

TEST(WriteFile, LeavesTheOldFileWhenTheContentFails) {
    const test::TemporaryFolder folder;
    const auto path = folder.path() / "kept.txt";
    write_file(path, "old");
    EXPECT_ERROR(write_file(path,
                            [](const Append& append) {
                                append("ne", 2);
                                fail("test", "broken");
                            }),
                 "broken");
    EXPECT_EQ(read_file(path), "old");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(MappedFile, NamesWhatCannotBeRead) {
    const test::TemporaryFolder folder;
    EXPECT_ERROR(MappedFile::open(folder.path() / "none"), "none");
    EXPECT_ERROR(MappedFile::open(folder.path()), "wanted a file");
}

TEST(MappedFile, GivesReleasedBytesBackFromTheFile) {
    const test::TemporaryFolder folder;
    const std::string content(100'000, 'x');
    write_file(folder.path() / "file", content);
    const auto map = MappedFile::open(folder.path() / "file");
    MappedFile::release(map->bytes().data() + 5, 90'000);
    EXPECT_EQ(std::string(map->bytes().begin(), map->bytes().end()), content);
    MappedFile::release(content.data(), content.size());  // in no mapping: untouched
    EXPECT_EQ(content, std::string(100'000, 'x'));
}

TEST(RequireWritableFolder, RefusesAFileInItsPlace) {
    const test::TemporaryFolder folder;
    write_file(folder.path() / "file", "x");
    EXPECT_ERROR(require_writable_folder(folder.path() / "file", "generate"), "[generate] wanted a folder");
    require_writable_folder(folder.path() / "new" / "folder", "generate");
    EXPECT_TRUE(std::filesystem::is_empty(folder.path() / "new" / "folder"));
}

}  // namespace
}  // namespace hra

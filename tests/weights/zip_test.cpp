// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "weights/zip.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "support/fixtures.h"

namespace hra {
namespace {

template <class T>
void put(std::string& out, T value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

struct Piece {
    std::string name, content;
    std::uint16_t method = 0, flags = 0;
    std::optional<std::uint32_t> offset = {};  // a wrong one, to break things
};

/// An archive of stored entries; with `zip64`, sizes and offsets are where files over 4 GB have them.
std::string make_zip(const std::vector<Piece>& pieces, bool zip64 = false) {
    constexpr std::uint32_t elsewhere = 0xffffffff;
    std::string out, directory;
    for (const auto& [name, content, method, flags, wrong_offset] : pieces) {
        const auto offset = wrong_offset.value_or(static_cast<std::uint32_t>(out.size()));
        const auto size = static_cast<std::uint32_t>(content.size());
        const auto name_size = static_cast<std::uint16_t>(name.size());
        out += "PK\x03\x04" + std::string(22, '\0');
        put<std::uint16_t>(out, name_size);
        put<std::uint16_t>(out, 0);
        out += name + content;
        directory += "PK\x01\x02" + std::string(4, '\0');
        put<std::uint16_t>(directory, flags);
        put<std::uint16_t>(directory, method);
        directory += std::string(8, '\0');
        put<std::uint32_t>(directory, zip64 ? elsewhere : size);
        put<std::uint32_t>(directory, zip64 ? elsewhere : size);
        put<std::uint16_t>(directory, name_size);
        put<std::uint16_t>(directory, zip64 ? 28 : 0);
        directory += std::string(10, '\0');
        put<std::uint32_t>(directory, zip64 ? elsewhere : offset);
        directory += name;
        if (!zip64) continue;
        put<std::uint16_t>(directory, 1);
        put<std::uint16_t>(directory, 24);
        for (const std::uint64_t value : {size, size, offset}) put(directory, value);
    }
    const auto begin = out.size(), count = pieces.size();
    out += directory;
    if (zip64) {
        const auto end64 = out.size();
        out += "PK\x06\x06" + std::string(28, '\0');
        for (const std::uint64_t value : {count, directory.size(), begin}) put(out, value);
        out += "PK\x06\x07" + std::string(4, '\0');
        put<std::uint64_t>(out, end64);
        put<std::uint32_t>(out, 1);
    }
    out += "PK\x05\x06" + std::string(6, '\0');
    put<std::uint16_t>(out, static_cast<std::uint16_t>(zip64 ? 0xffff : count));
    put<std::uint32_t>(out, zip64 ? elsewhere : static_cast<std::uint32_t>(directory.size()));
    put<std::uint32_t>(out, zip64 ? elsewhere : static_cast<std::uint32_t>(begin));
    return out + std::string(2, '\0');
}

ZipArchive open(const std::string& bytes) {
    return ZipArchive({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, "test");
}

std::string content(const ZipArchive::Entry& entry) {
    return {entry.data.begin(), entry.data.end()};
}

TEST(ZipArchive, StoredEntriesAreViews) {
    for (const bool zip64 : {false, true}) {
        SCOPED_TRACE(zip64);
        const std::string bytes = make_zip({{"a/data.pkl", "one"}, {"a/data/0", "other"}}, zip64);
        const ZipArchive archive = open(bytes);
        ASSERT_EQ(archive.entries().size(), 2U);
        EXPECT_EQ(content(archive.entries().at("a/data/0")), "other");
        EXPECT_EQ(static_cast<const void*>(archive.entries().at("a/data.pkl").data.data()),
                  bytes.data() + bytes.find("one"));
    }
}

TEST(ZipArchive, UnsafeOrBrokenArchivesAreRefused) {
    for (const char* name : {"../a", "/a", "a/../../b", "a\\b", ""}) {
        SCOPED_TRACE(name);
        EXPECT_ERROR(open(make_zip({{name, "x"}})), "unsafe path");
    }
    EXPECT_ERROR(open(make_zip({{"a", "x"}, {"a", "y"}})), "got two");
    EXPECT_ERROR(open(make_zip({{"a", "xx"}, {"b", "yy", 0, 0, 0}})), "overlapping");
    EXPECT_ERROR(open(make_zip({{"a", "x", 12}})), "compression method 12");
    EXPECT_ERROR(open(make_zip({{"a", "x", 0, 1}})), "encryption");
    EXPECT_ERROR(open(make_zip({{"a", "x", 0, 0, 1'000'000}})), "cut off");
    EXPECT_ERROR(open(make_zip({{"a", "x"}}).substr(10)), "[test");
}

TEST(ZipArchive, DamagedDeflateIsAnError) {
    const std::string bytes = make_zip({{"a", "no deflate stream", 8}});
    const ZipArchive archive = open(bytes);
    const auto& entry = archive.entries().at("a");
    EXPECT_ERROR(archive.inflate(entry, 100), "damaged");
    EXPECT_ERROR(archive.inflate(entry, 3), "at most 3");
}

}  // namespace
}  // namespace hra

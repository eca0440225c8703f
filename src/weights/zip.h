// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Zip archives in memory (source: PKWARE APPNOTE 6.3, with ZIP64): the directory, stored and deflated
// entries.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hra {

class ZipArchive {
public:
    struct Entry {
        std::span<const std::uint8_t> data;  // as it lies in the archive
        std::uint64_t size = 0;              // inflated
        bool deflated = false;
    };

    /// Reads the directory of the archive that `bytes` hold and refer to. Throws Error("[where] ...") when it
    /// is malformed, encrypted or split, or when entries overlap, repeat a name or have a name that is no
    /// plain relative path.
    ZipArchive(std::span<const std::uint8_t> bytes, std::string_view where);

    /// True when `bytes` begin like a zip archive.
    static bool detect(std::span<const std::uint8_t> bytes);

    const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }

    /// Inflates a deflated entry of at most `limit` bytes. Throws Error when it is larger or does not inflate
    /// to exactly its stated size.
    std::vector<std::uint8_t> inflate(const Entry& entry, std::uint64_t limit) const;

private:
    void read_directory(std::uint64_t begin, std::uint64_t size, std::uint64_t count);
    void check_overlaps() const;

    std::span<const std::uint8_t> bytes_;
    std::string where_;
    std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace hra

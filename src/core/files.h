// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Files: whole reads, atomic writes, read-only memory maps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace hra {

/// The whole file as bytes. Throws Error naming the file.
std::string read_file(const std::filesystem::path& path);

/// Writes to a temporary name beside `path`, flushes it to disk and renames it: readers see the old file or
/// the whole new one. Creates missing parent folders. Throws Error naming the file; leaves nothing
/// half-written.
void write_file(const std::filesystem::path& path, std::string_view content);

/// The same for content that is produced piece by piece: `fill` is given a function that appends bytes.
using Append = std::function<void(const void* data, std::size_t size)>;
void write_file(const std::filesystem::path& path, const std::function<void(const Append&)>& fill);

/// Fails early when files cannot be created in `folder` (which is created if missing).
void require_writable_folder(const std::filesystem::path& folder, std::string_view where);

/// A read-only mapping of a whole file, unmapped with the last owner. Empty files map to an empty span.
class MappedFile {
public:
    /// Throws Error when the file is missing, is no regular file or cannot be mapped.
    static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    std::span<const std::uint8_t> bytes() const { return {data_, size_}; }
    const std::filesystem::path& path() const { return path_; }

    /// Takes bytes of some mapping out of memory when they are no longer needed: they come back from the file
    /// if they are touched again. For data that no mapping holds, nothing happens.
    static void release(const void* data, std::size_t size);

private:
    MappedFile(std::filesystem::path path, const std::uint8_t* data, std::size_t size);

    std::filesystem::path path_;
    const std::uint8_t* data_;
    std::size_t size_;
};

}  // namespace hra

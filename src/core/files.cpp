// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "core/files.h"

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"

namespace hra {
namespace {

namespace fs = std::filesystem;

/// Closes a descriptor at the end of a scope.
struct Descriptor {
    int fd;
    explicit Descriptor(int f) : fd(f) {}
    Descriptor(Descriptor&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd >= 0) ::close(fd);
    }
};

Descriptor open_for_reading(const fs::path& path) {
    Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.fd < 0) fail("read", "wanted a readable file, got ", path, ": ", std::strerror(errno));
    return file;
}

void make_parent(const fs::path& path) {
    std::error_code error;
    if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
    if (error) fail("write", "cannot create the folder ", path.parent_path(), ": ", error.message());
}

void append_to(int fd, const fs::path& path, const void* data, std::size_t size) {
    const auto* bytes = static_cast<const char*>(data);
    while (size > 0) {
        const ssize_t written = ::write(fd, bytes, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail("write", "cannot write ", path, ": ", std::strerror(errno));
        bytes += written;
        size -= static_cast<std::size_t>(written);
    }
}

void write_and_sync(const fs::path& temporary, const std::function<void(const Append&)>& fill) {
    Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (file.fd < 0) fail("write", "cannot create ", temporary, ": ", std::strerror(errno));
    fill([&](const void* data, std::size_t size) { append_to(file.fd, temporary, data, size); });
    if (::fsync(file.fd) != 0) fail("write", "cannot flush ", temporary, ": ", std::strerror(errno));
}

/// All mappings that live, by their first byte.
struct Mappings {
    std::mutex mutex;
    std::map<const std::uint8_t*, std::size_t> size_of;
};

Mappings& mappings() {
    static Mappings instance;
    return instance;
}

}  // namespace

std::string read_file(const fs::path& path) {
    const auto map = MappedFile::open(path);
    const auto bytes = map->bytes();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void write_file(const fs::path& path, const std::function<void(const Append&)>& fill) {
    make_parent(path);
    fs::path temporary = path;
    temporary += concat(".tmp", ::getpid());
    try {
        write_and_sync(temporary, fill);
        fs::rename(temporary, path);
    } catch (const std::exception&) {
        std::error_code ignored;
        fs::remove(temporary, ignored);
        throw;
    }
}

void write_file(const fs::path& path, std::string_view content) {
    write_file(path, [&](const Append& append) { append(content.data(), content.size()); });
}

void require_writable_folder(const fs::path& folder, std::string_view where) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error || !fs::is_directory(folder))
        fail(where, "wanted a folder to write to, got ", folder, ": ",
             error ? error.message() : "it is a file");
    const fs::path probe = folder / concat(".probe.tmp", ::getpid());
    const Descriptor file(::open(probe.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (file.fd < 0) fail(where, "wanted a writable folder, got ", folder, ": ", std::strerror(errno));
    fs::remove(probe, error);
}

std::shared_ptr<const MappedFile> MappedFile::open(const fs::path& path) {
    const Descriptor file = open_for_reading(path);
    struct stat info {};
    if (::fstat(file.fd, &info) != 0) fail("read", "cannot examine ", path, ": ", std::strerror(errno));
    if (!S_ISREG(info.st_mode)) fail("read", "wanted a file, got ", path, ", which is something else");
    const auto size = static_cast<std::size_t>(info.st_size);
    if (size == 0) return std::shared_ptr<const MappedFile>(new MappedFile(path, nullptr, 0));
    // Copy-on-write: a stray write to a mapped weight changes this process only, never the file.
    void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file.fd, 0);
    if (data == MAP_FAILED) fail("read", "cannot map ", path, ": ", std::strerror(errno));
    return std::shared_ptr<const MappedFile>(
        new MappedFile(path, static_cast<const std::uint8_t*>(data), size));
}

MappedFile::MappedFile(fs::path path, const std::uint8_t* data, std::size_t size)
    : path_(std::move(path)), data_(data), size_(size) {
    std::scoped_lock lock(mappings().mutex);
    if (data != nullptr) mappings().size_of[data] = size;
}

MappedFile::~MappedFile() {
    if (data_ == nullptr) return;
    std::scoped_lock lock(mappings().mutex);
    mappings().size_of.erase(data_);
    ::munmap(const_cast<std::uint8_t*>(data_), size_);
}

void MappedFile::release(const void* data, std::size_t size) {
    const auto* begin = static_cast<const std::uint8_t*>(data);
    std::scoped_lock lock(mappings().mutex);
    auto it = mappings().size_of.upper_bound(begin);
    if (it == mappings().size_of.begin()) return;
    --it;
    if (begin + size > it->first + it->second) return;
    // Whole pages only: the first and the last may hold a neighbour's bytes.
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    const auto first = (reinterpret_cast<std::uintptr_t>(begin) + page - 1) / page * page;
    const auto last = reinterpret_cast<std::uintptr_t>(begin + size) / page * page;
    if (first < last) ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "weights/zip.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include <zlib.h>

#include "core/error.h"

namespace hra {
namespace {

constexpr std::uint32_t local_signature = 0x04034b50;
constexpr std::uint32_t directory_signature = 0x02014b50;
constexpr std::uint32_t end_signature = 0x06054b50;
constexpr std::uint32_t end64_signature = 0x06064b50;
constexpr std::uint32_t locator64_signature = 0x07064b50;
constexpr std::size_t local_size = 30, directory_size = 46, end_size = 22, end64_size = 56,
                      locator64_size = 20;
constexpr std::size_t max_comment = 0xffff;
constexpr std::uint16_t encrypted_flag = 1;
constexpr std::uint16_t stored_method = 0, deflated_method = 8;
constexpr std::uint16_t zip64_extra = 1;
constexpr std::uint32_t see_zip64 = 0xffffffff;
// Deflate cannot do better, so a larger claim is a lie (or a bomb).
constexpr std::uint64_t max_deflate_ratio = 1032;

/// Bounds-checked little-endian fields of one record.
class Record {
public:
    Record(std::span<const std::uint8_t> bytes, std::uint64_t begin, std::uint64_t size,
           const std::string& where) {
        check(begin <= bytes.size() && size <= bytes.size() - begin, where,
              "wanted a whole zip archive, got a record past its end (is the file cut off?)");
        bytes_ = bytes.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(size));
    }
    template <class T>
    T at(std::size_t offset) const {
        T value;
        std::memcpy(&value, bytes_.data() + offset, sizeof value);
        return value;
    }

private:
    std::span<const std::uint8_t> bytes_;
};

struct DirectoryEnd {
    std::uint64_t position;  // of the end record
    std::uint64_t begin, size, count;
};

std::uint64_t find_end(std::span<const std::uint8_t> bytes, const std::string& where) {
    const std::size_t furthest = std::min(bytes.size(), end_size + max_comment);
    for (std::size_t back = end_size; back <= furthest; ++back) {
        const Record record(bytes, bytes.size() - back, end_size, where);
        const bool matches =
            record.at<std::uint32_t>(0) == end_signature && record.at<std::uint16_t>(20) == back - end_size;
        if (matches) return bytes.size() - back;
    }
    fail(where, "wanted a zip archive with a directory at its end, got none (is the file cut off?)");
}

DirectoryEnd read_end(std::span<const std::uint8_t> bytes, const std::string& where) {
    const std::uint64_t position = find_end(bytes, where);
    const Record end(bytes, position, end_size, where);
    DirectoryEnd result{position, end.at<std::uint32_t>(16), end.at<std::uint32_t>(12),
                        end.at<std::uint16_t>(10)};
    if (position < locator64_size) return result;
    const Record locator(bytes, position - locator64_size, locator64_size, where);
    if (locator.at<std::uint32_t>(0) != locator64_signature) return result;
    result.position = locator.at<std::uint64_t>(8);
    const Record end64(bytes, result.position, end64_size, where);
    check(end64.at<std::uint32_t>(0) == end64_signature, where,
          "wanted a ZIP64 end record where the archive says, got something else");
    result.count = end64.at<std::uint64_t>(32);
    result.size = end64.at<std::uint64_t>(40);
    result.begin = end64.at<std::uint64_t>(48);
    return result;
}

/// Sizes and offset of an entry, which ZIP64 moves to an extra field when they exceed 32 bits.
struct Extent {
    std::uint64_t size, compressed, offset;
};

Extent read_extent(const Record& header, std::string_view extra, const std::string& where) {
    Extent extent{header.at<std::uint32_t>(24), header.at<std::uint32_t>(20), header.at<std::uint32_t>(42)};
    while (extra.size() >= 4) {
        std::uint16_t id = 0, length = 0;
        std::memcpy(&id, extra.data(), sizeof id);
        std::memcpy(&length, extra.data() + 2, sizeof length);
        extra.remove_prefix(4);
        check(length <= extra.size(), where, "wanted a zip directory, got an extra field past its end");
        std::string_view field = extra.substr(0, length);
        extra.remove_prefix(length);
        if (id != zip64_extra) continue;
        for (std::uint64_t* value : {&extent.size, &extent.compressed, &extent.offset}) {
            if (*value != see_zip64) continue;
            check(field.size() >= sizeof *value, where, "wanted a ZIP64 field of 8 bytes, got fewer");
            std::memcpy(value, field.data(), sizeof *value);
            field.remove_prefix(sizeof *value);
        }
    }
    return extent;
}

bool is_plain_name(std::string_view name) {
    if (name.empty() || name.front() == '/') return false;
    if (name.find('\0') != name.npos || name.find('\\') != name.npos) return false;
    for (std::size_t begin = 0; begin <= name.size();) {
        const std::size_t end = std::min(name.find('/', begin), name.size());
        if (name.substr(begin, end - begin) == "..") return false;
        begin = end + 1;
    }
    return true;
}

}  // namespace

bool ZipArchive::detect(std::span<const std::uint8_t> bytes) {
    std::uint32_t signature = 0;
    if (bytes.size() < sizeof signature) return false;
    std::memcpy(&signature, bytes.data(), sizeof signature);
    return signature == local_signature || signature == end_signature;
}

ZipArchive::ZipArchive(std::span<const std::uint8_t> bytes, std::string_view where)
    : bytes_(bytes), where_(where) {
    check(bytes.size() >= end_size, where_, "wanted a zip archive, got only ", bytes.size(), " bytes");
    const DirectoryEnd end = read_end(bytes, where_);
    check(end.begin <= end.position && end.size <= end.position - end.begin, where_,
          "wanted a zip directory within the archive, got one past its end");
    read_directory(end.begin, end.size, end.count);
    check_overlaps();
}

void ZipArchive::read_directory(std::uint64_t begin, std::uint64_t size, std::uint64_t count) {
    const std::uint64_t end = begin + size;
    std::uint64_t position = begin;
    for (std::uint64_t i = 0; i < count; ++i) {
        check(position <= end && directory_size <= end - position, where_, "wanted ", count,
              " entries in the zip directory, got ", i);
        const Record header(bytes_, position, directory_size, where_);
        check(header.at<std::uint32_t>(0) == directory_signature, where_,
              "wanted a zip directory, got something else in its place");
        const std::size_t name_size = header.at<std::uint16_t>(28), extra_size = header.at<std::uint16_t>(30);
        const std::uint64_t total = directory_size + name_size + extra_size + header.at<std::uint16_t>(32);
        check(total <= end - position, where_, "wanted a zip directory, got an entry past its end");
        const auto* text = reinterpret_cast<const char*>(bytes_.data() + position + directory_size);
        const std::string name(text, name_size);
        check(is_plain_name(name), where_, "wanted plain names in the zip archive, got an unsafe path");
        const std::string where = where_ + ": " + name;
        check((header.at<std::uint16_t>(8) & encrypted_flag) == 0, where, "wanted no encryption, got some");
        const std::uint16_t method = header.at<std::uint16_t>(10);
        check(method == stored_method || method == deflated_method, where,
              "wanted a stored or deflated entry, got compression method ", method);
        const Extent extent = read_extent(header, {text + name_size, extra_size}, where);

        const Record local(bytes_, extent.offset, local_size, where);
        check(local.at<std::uint32_t>(0) == local_signature, where,
              "wanted a local zip header, got something else");
        const std::uint64_t data =
            extent.offset + local_size + local.at<std::uint16_t>(26) + local.at<std::uint16_t>(28);
        check(data <= begin && extent.compressed <= begin - data, where,
              "wanted its data before the zip directory, got data past it (is the file cut off?)");
        Entry entry{
            bytes_.subspan(static_cast<std::size_t>(data), static_cast<std::size_t>(extent.compressed)),
            extent.size, method == deflated_method};
        check(entry.deflated ? extent.size / max_deflate_ratio <= extent.compressed
                             : extent.size == extent.compressed,
              where, "wanted sizes that fit together, got ", extent.size, " bytes from ", extent.compressed);
        check(entries_.emplace(name, entry).second, where, "wanted one entry of this name, got two");
        position += total;
    }
}

void ZipArchive::check_overlaps() const {
    std::vector<std::span<const std::uint8_t>> spans;
    for (const auto& [name, entry] : entries_)
        if (!entry.data.empty()) spans.push_back(entry.data);
    std::sort(spans.begin(), spans.end(), [](auto a, auto b) { return a.data() < b.data(); });
    for (std::size_t i = 1; i < spans.size(); ++i)
        check(spans[i - 1].data() + spans[i - 1].size() <= spans[i].data(), where_,
              "wanted separate entries in the zip archive, got overlapping ones");
}

std::vector<std::uint8_t> ZipArchive::inflate(const Entry& entry, std::uint64_t limit) const {
    check(entry.size <= limit, where_, "wanted a deflated entry of at most ", limit, " bytes, got ",
          entry.size);
    std::vector<std::uint8_t> result(static_cast<std::size_t>(entry.size));
    if (result.empty()) return result;  // zlib takes no null pointer
    z_stream stream{};
    check(inflateInit2(&stream, -MAX_WBITS) == Z_OK, where_, "cannot start zlib");
    // zlib counts in 32 bits, so large entries go through in pieces.
    constexpr std::size_t piece = std::numeric_limits<uInt>::max() / 2;
    std::size_t consumed = 0, produced = 0;
    int status = Z_OK;
    while (status == Z_OK) {
        const std::size_t in = std::min(piece, entry.data.size() - consumed);
        const std::size_t out = std::min(piece, result.size() - produced);
        stream.next_in = const_cast<Bytef*>(entry.data.data() + consumed);
        stream.avail_in = static_cast<uInt>(in);
        stream.next_out = result.data() + produced;
        stream.avail_out = static_cast<uInt>(out);
        status = ::inflate(&stream, Z_NO_FLUSH);
        consumed += in - stream.avail_in;
        produced += out - stream.avail_out;
    }
    inflateEnd(&stream);
    check(status == Z_STREAM_END && produced == result.size(), where_,
          "wanted a deflated entry that inflates to ", entry.size, " bytes, got a damaged one");
    return result;
}

}  // namespace hra

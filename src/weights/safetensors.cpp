// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "weights/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <span>
#include <tuple>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "weights/tensor_view.h"

namespace hra {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data are little-endian");

constexpr std::uint64_t max_header_size = 100'000'000;

struct DtypeName {
    const char* name;
    torch::ScalarType type;
};

constexpr std::array<DtypeName, 9> dtype_names{{{"F64", torch::kFloat64},
                                                {"F32", torch::kFloat32},
                                                {"F16", torch::kFloat16},
                                                {"BF16", torch::kBFloat16},
                                                {"I64", torch::kInt64},
                                                {"I32", torch::kInt32},
                                                {"I16", torch::kInt16},
                                                {"I8", torch::kInt8},
                                                {"U8", torch::kUInt8}}};

torch::ScalarType dtype_from_name(const std::string& name, const std::string& where) {
    if (name == "BOOL") return torch::kBool;
    for (const auto& entry : dtype_names)
        if (name == entry.name) return entry.type;
    const bool is_eight_bit_float = name.starts_with("F8_");
    fail(where, "wanted a dtype such as F32, F16, BF16 or I64, got \"", name, '"',
         is_eight_bit_float ? " (8-bit floats: convert the file to F16 first)" : "");
}

const char* name_of_dtype(torch::ScalarType type, const std::string& where) {
    if (type == torch::kBool) return "BOOL";
    for (const auto& entry : dtype_names)
        if (type == entry.type) return entry.name;
    fail(where, "wanted a dtype that safetensors knows, got ", torch::toString(type));
}

/// One entry of the header, checked on its own.
struct Entry {
    std::string name;
    torch::ScalarType dtype;
    std::vector<std::int64_t> shape;
    std::uint64_t begin, end;  // bytes from the start of the data
};

Entry parse_entry(const std::string& name, const Json& json, std::uint64_t data_size,
                  const std::string& file) {
    const std::string where = file + ": " + name;
    check(json.is_object(), where, "wanted an object that describes a tensor, got ", json.type_name());
    Entry entry{name, dtype_from_name(json_value<std::string>(json, "dtype", where), where),
                json_value<std::vector<std::int64_t>>(json, "shape", where), 0, 0};
    const auto offsets = json_value<std::vector<std::int64_t>>(json, "data_offsets", where);
    check(offsets.size() == 2 && offsets[0] >= 0 && offsets[1] >= offsets[0], where,
          "wanted two ascending data_offsets, got ", json.at("data_offsets").dump());
    entry.begin = static_cast<std::uint64_t>(offsets[0]);
    entry.end = static_cast<std::uint64_t>(offsets[1]);
    check(entry.end <= data_size, where, "wanted offsets within the ", data_size, " bytes of data, got ",
          entry.end, " (is the file cut off?)");
    const auto size = static_cast<std::uint64_t>(size_in_bytes(entry.shape, entry.dtype, where));
    check(entry.end - entry.begin == size, where, "wanted ", size, " bytes for its shape and dtype, got ",
          entry.end - entry.begin);
    return entry;
}

void check_tiling(std::vector<Entry>& entries, std::uint64_t data_size, const std::string& file) {
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
        return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
    });
    std::uint64_t position = 0;
    for (const auto& entry : entries) {
        check(entry.begin == position, file, "wanted tensors without holes or overlaps, got \"", entry.name,
              "\" at byte ", entry.begin, " where ", position, " was due");
        position = entry.end;
    }
    check(position == data_size, file, "wanted data up to the last tensor, got ", data_size - position,
          " bytes more");
}

Json parse_header(std::span<const std::uint8_t> bytes, const std::string& file) {
    std::uint64_t length = 0;
    check(bytes.size() >= sizeof length, file, "wanted a safetensors file, got only ", bytes.size(),
          " bytes");
    std::memcpy(&length, bytes.data(), sizeof length);
    check(length <= max_header_size, file, "wanted a header of at most 100 MB, got ", length,
          " bytes (not a safetensors file?)");
    check(length <= bytes.size() - sizeof length, file, "wanted a header of ", length, " bytes, got ",
          bytes.size() - sizeof length, " (is the file cut off?)");
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + sizeof length, length);
    Json header = parse_json(text, file);
    check(header.is_object(), file, "wanted a JSON object as header, got ", header.type_name());
    return header;
}

}  // namespace

SafetensorsFile read_safetensors(std::span<const std::uint8_t> bytes, std::string_view where,
                                 const Owner& owner) {
    const std::string file(where);
    const Json header = parse_header(bytes, file);
    std::uint64_t header_size = 0;
    std::memcpy(&header_size, bytes.data(), sizeof header_size);
    const auto data = bytes.subspan(sizeof header_size + static_cast<std::size_t>(header_size));

    SafetensorsFile result;
    std::vector<Entry> entries;
    for (const auto& [name, json] : header.items()) {
        if (name != "__metadata__") {
            entries.push_back(parse_entry(name, json, data.size(), file));
            continue;
        }
        check(json.is_object(), file, "wanted __metadata__ to be an object, got ", json.type_name());
        for (const auto& [key, value] : json.items())
            result.metadata[key] = json_value<std::string>(json, key.c_str(), file + ": __metadata__");
    }
    check_tiling(entries, data.size(), file);
    for (const auto& entry : entries) {
        const auto content = data.subspan(static_cast<std::size_t>(entry.begin),
                                          static_cast<std::size_t>(entry.end - entry.begin));
        result.tensors.emplace(entry.name, tensor_over(content, entry.shape, entry.dtype, owner));
    }
    return result;
}

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
    const auto map = MappedFile::open(path);
    return read_safetensors(map->bytes(), path.string(), map);
}

void write_safetensors(const std::filesystem::path& path, const StateDict& tensors,
                       const std::map<std::string, std::string>& metadata) {
    const std::string file = path.string();
    std::vector<const StateDict::value_type*> order;
    for (const auto& item : tensors) order.push_back(&item);
    std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
        return a->second.element_size() > b->second.element_size();
    });

    nlohmann::ordered_json header = nlohmann::ordered_json::object();
    if (!metadata.empty()) header["__metadata__"] = metadata;
    std::uint64_t position = 0;
    for (const auto* item : order) {
        const auto& tensor = item->second;
        const std::uint64_t end =
            position + static_cast<std::uint64_t>(tensor.numel() * tensor.element_size());
        header[item->first] = {{"dtype", name_of_dtype(tensor.scalar_type(), file + ": " + item->first)},
                               {"shape", tensor.sizes().vec()},
                               {"data_offsets", {position, end}}};
        position = end;
    }
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');  // the data start at a multiple of 8 bytes

    write_file(path, [&](const Append& append) {
        const std::uint64_t length = text.size();
        append(&length, sizeof length);
        append(text.data(), text.size());
        for (const auto* item : order) {
            const torch::Tensor dense = item->second.detach().cpu().contiguous();
            append(dense.data_ptr(), static_cast<std::size_t>(dense.numel() * dense.element_size()));
        }
    });
}

}  // namespace hra

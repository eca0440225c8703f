// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The safetensors format: an 8-byte little-endian header length, a JSON header, then the tensors' bytes.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "weights/state_dict.h"
#include "weights/tensor_view.h"

namespace hra {

struct SafetensorsFile {
    StateDict tensors;                            // views into the memory-mapped file, which they keep alive
    std::map<std::string, std::string> metadata;  // the header's __metadata__
};

/// Maps a file; tensor data are read when they are touched. Throws Error unless the header is at most 100 MB
/// of valid JSON and the tensors, in bounds and with sizes that match their shapes, tile the data without
/// holes or overlaps.
SafetensorsFile read_safetensors(const std::filesystem::path& path);

/// The same for bytes in memory, which `owner` keeps alive for the tensors; `where` names them in errors.
SafetensorsFile read_safetensors(std::span<const std::uint8_t> bytes, std::string_view where,
                                 const Owner& owner);

/// Writes dense CPU or CUDA tensors, sorted by size of element (descending) and name as the reference library
/// does, atomically. Throws Error when the file cannot be written or a dtype has no safetensors name.
void write_safetensors(const std::filesystem::path& path, const StateDict& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace hra

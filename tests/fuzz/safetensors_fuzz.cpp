// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Fuzzes the safetensors reader: anything but a result or hra::Error is a bug.
#include <cstddef>
#include <cstdint>

#include <torch/types.h>

#include "core/error.h"
#include "weights/safetensors.h"

constexpr std::size_t max_touched = 1 << 20;  // views may be larger than their storage

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const auto file = hra::read_safetensors({data, size}, "fuzz", nullptr);
        // Reads each byte that a tensor claims.
        for (const auto& [name, tensor] : file.tensors)
            if (tensor.nbytes() <= max_touched) tensor.contiguous().clone();
    } catch (const hra::Error&) {
        return 0;  // the way to refuse
    }
    return 0;
}

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Fuzzes the reader of torch.save files: zip, inflate, unpickler, tensors: anything but a result or
// hra::Error is a bug.
#include <cstddef>
#include <cstdint>

#include <torch/types.h>

#include "core/error.h"
#include "weights/torch_checkpoint.h"

constexpr std::size_t max_touched = 1 << 20;  // views may be larger than their storage

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const auto file = hra::read_torch_checkpoint({data, size}, "fuzz", nullptr);
        // Reads each byte that a tensor claims.
        for (const auto& [name, tensor] : file)
            if (tensor.nbytes() <= max_touched) tensor.contiguous().clone();
    } catch (const hra::Error&) {
        return 0;  // the way to refuse
    }
    return 0;
}

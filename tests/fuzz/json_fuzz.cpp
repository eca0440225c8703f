// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Fuzzes the JSON reader: anything but a result or hra::Error is a bug.
#include <cstddef>
#include <cstdint>

#include "core/error.h"
#include "core/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        hra::parse_json({reinterpret_cast<const char*>(data), size}, "fuzz");
    } catch (const hra::Error&) {
        return 0;  // the way to refuse
    }
    return 0;
}

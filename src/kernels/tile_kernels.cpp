// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "kernels/tile_kernels.h"

#include "kernels/tile_kernels_list.h"

namespace hra::detail {

namespace generic {
extern const TileKernels table;
}
#ifdef HRA_TILE_X86
namespace avx2 {
extern const TileKernels table;
}
namespace avx512 {
extern const TileKernels table;
}
#endif

std::vector<const TileKernels*> supported_tile_kernels() {
    std::vector<const TileKernels*> tables{&generic::table};
#ifdef HRA_TILE_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")) {
        tables.push_back(&avx2::table);
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
            tables.push_back(&avx512::table);
        }
    }
#endif
    return tables;
}

const TileKernels& tile_kernels() {
    static const TileKernels& table = *supported_tile_kernels().back();
    return table;
}

}  // namespace hra::detail

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "kernels/tile_kernels.h"

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

namespace {

const TileKernels& choose() {
#ifdef HRA_TILE_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
        return avx512::table;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2::table;
#endif
    return generic::table;
}

}  // namespace

const TileKernels& tile_kernels() {
    static const TileKernels& table = choose();
    return table;
}

}  // namespace hra::detail

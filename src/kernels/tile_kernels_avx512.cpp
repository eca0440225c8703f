// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#define HRA_TILE_ISA avx512
#define HRA_TILE_NAME "avx512"
#define HRA_TILE_WIDTH 16
#define HRA_TILE_ROWS 12
#include "kernels/tile_kernels.inl"

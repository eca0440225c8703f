// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#define HRA_TILE_ISA avx2
#define HRA_TILE_NAME "avx2"
#define HRA_TILE_WIDTH 8
#define HRA_TILE_ROWS 6
#include "kernels/tile_kernels.inl"

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#define HRA_TILE_ISA generic
#define HRA_TILE_NAME "generic"
#define HRA_TILE_WIDTH 4
#define HRA_TILE_ROWS 6
#include "kernels/tile_kernels.inl"

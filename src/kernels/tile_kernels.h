// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Vectorised inner loops on raw pointers, one table per instruction set, chosen once at run time.
#pragma once

#include <cstdint>

namespace hra::detail {

/// How a 16-bit or 32-bit element is stored.
enum class ElementType { f32, bf16, f16 };

/// What a matrix product does with what is already in its result.
enum class Store { overwrite, add, scale_add };

/// One block product C = A B over one packed panel of B.
struct PanelProduct {
    int64_t rows;           ///< rows of A and C
    int64_t depth;          ///< columns of A, rows of B
    int64_t panel_vectors;  ///< panel width in vectors: 1, 2 or 3
    int64_t columns;        ///< valid columns of the panel; only these are stored
    const float* a;         ///< row-major [rows, depth], row stride lda
    int64_t lda;
    const float* b;  ///< packed [depth, panel_vectors * width], 4-byte aligned or better
    float* c;        ///< row-major [rows, columns], row stride ldc
    int64_t ldc;
    Store store;
    const float* bias;       ///< per column, added when store is overwrite; may be null
    const float* row_scale;  ///< per row, what C is multiplied with when store is scale_add
};

/// The running state of a streaming softmax over the tile rows.
struct SoftmaxTile {
    int64_t rows;
    int64_t columns;         ///< valid scores in a row
    int64_t padded_columns;  ///< row length, a multiple of the vector width; the rest is filled with 0
    float* scores;           ///< in: base-2 logits; out: 2^(logit - max); row stride ld
    int64_t ld;
    float* max;         ///< per row, running maximum
    float* sum;         ///< per row, running sum of weights
    float* correction;  ///< per row, out: factor for what was summed before
};

/// Functions that share one instruction set. Elementwise ones take any count n.
struct TileKernels {
    const char* name;
    int64_t width;  ///< floats in one vector

    void (*product)(const PanelProduct& p);
    void (*softmax)(const SoftmaxTile& tile);
    /// Elements to and from fp32; `to` rounds to nearest even.
    void (*load)(ElementType type, const void* src, float* dst, int64_t n);
    void (*store)(ElementType type, const float* src, void* dst, int64_t n);
    /// dst = src * factor
    void (*scale)(const float* src, float factor, float* dst, int64_t n);
    /// sum[i] += x[i] - shift[i], squares[i] += (x[i] - shift[i])^2
    void (*moments)(const float* x, const float* shift, float* sum, float* squares, int64_t n);
    /// y = x * scale + shift, elementwise; through SiLU when asked.
    void (*affine)(const float* x, const float* scale, const float* shift, bool silu, float* y, int64_t n);
    /// y = x * gelu(gate), exact (erf) form.
    void (*geglu)(const float* x, const float* gate, float* y, int64_t n);
    void (*exp2)(const float* x, float* y, int64_t n);
    /// Winograd F(4x4, 3x3) over n channels: 6x6 input points -> 36 planes, 36 planes -> 4x4 outputs.
    void (*winograd_input)(const float* const* points, float* planes, int64_t plane_stride, int64_t n);
    /// Row `row` of 0..5 of the transformed 3x3 weights [depth, 9, vectors * width]: six planes
    /// [depth, vectors * width].
    void (*winograd_weights)(const float* weights, int64_t depth, int64_t vectors, int64_t row, float* planes,
                             int64_t plane_stride);
    void (*winograd_output)(const float* planes, int64_t plane_stride, const float* bias,
                            float* const* points, int64_t n);
};

/// The best table this processor runs. Thread safe.
const TileKernels& tile_kernels();

}  // namespace hra::detail

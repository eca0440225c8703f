// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Body of the per-instruction-set tables; the including file defines HRA_TILE_ISA (a namespace),
// HRA_TILE_WIDTH (floats per vector) and HRA_TILE_ROWS (rows of the two-vector micro-kernel).
// No standard or torch headers here: their inline functions would be compiled for this instruction
// set and the linker might keep that copy for every processor.

#include <cstddef>
#include <cstdint>

#ifdef __F16C__
#include <immintrin.h>
#endif

#include "kernels/tile_kernels.h"

namespace hra::detail::HRA_TILE_ISA {
namespace {

constexpr int64_t kWidth = HRA_TILE_WIDTH;
constexpr float kLog2E = 1.44269504088896340736F;

using Vec = float __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));
using IntVec = int32_t __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));

inline Vec load(const float* p) {
    return *reinterpret_cast<const Vec*>(p);
}
inline void store(float* p, Vec v) {
    *reinterpret_cast<Vec*>(p) = v;
}
inline Vec splat(float x) {
    return x - Vec{};
}

inline float horizontal_sum(Vec v) {
    float s = 0;
    for (int64_t i = 0; i < kWidth; ++i) s += v[i];
    return s;
}

// 2^x; below -127 it is 0. Degree-5 minimax polynomial on [-1/2, 1/2]. A NaN stays one.
inline Vec exp2_vec(Vec x) {
    const Vec magic = splat(12582912.0F);  // 1.5 * 2^23: adding it rounds to an integer
    x = x < -127.0F ? splat(-127.0F) : x;
    const Vec shifted = x + magic;
    const Vec n = shifted - magic;
    const Vec f = x - n;
    Vec p = splat(1.35876867e-3F);
    p = p * f + 9.67234094e-3F;
    p = p * f + 5.54966405e-2F;
    p = p * f + 2.40222186e-1F;
    p = p * f + 6.93147719e-1F;
    p = p * f + 1.0F;
    const IntVec bits = (reinterpret_cast<IntVec>(shifted) << 23) + (127 << 23);
    return p * reinterpret_cast<Vec>(bits);
}

template <int Rows, int Vectors>
inline void micro_kernel(const PanelProduct& p, int64_t row) {
    Vec acc[Rows][Vectors] = {};
    const float* a = p.a + row * p.lda;
    const float* b = p.b;
    const int64_t lda = p.lda;
    for (int64_t k = 0; k < p.depth; ++k) {
        Vec column[Vectors];
#pragma GCC unroll 16
        for (int v = 0; v < Vectors; ++v) column[v] = load(b + v * kWidth);
#pragma GCC unroll 16
        for (int r = 0; r < Rows; ++r) {
            const Vec x = splat(a[r * lda + k]);
#pragma GCC unroll 16
            for (int v = 0; v < Vectors; ++v) acc[r][v] += x * column[v];
        }
        b += Vectors * kWidth;
    }
    if (p.columns == Vectors * kWidth) {
#pragma GCC unroll 16
        for (int r = 0; r < Rows; ++r) {
            float* c = p.c + (row + r) * p.ldc;
#pragma GCC unroll 16
            for (int v = 0; v < Vectors; ++v) {
                Vec y = acc[r][v];
                if (p.store == Store::add)
                    y += load(c + v * kWidth);
                else if (p.store == Store::scale_add)
                    y += load(c + v * kWidth) * p.row_scale[row + r];
                else if (p.bias)
                    y += load(p.bias + v * kWidth);
                store(c + v * kWidth, y);
            }
        }
        return;
    }
    float block[Rows][Vectors * kWidth];
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 16
        for (int v = 0; v < Vectors; ++v) store(block[r] + v * kWidth, acc[r][v]);
    }
    for (int r = 0; r < Rows; ++r) {
        float* c = p.c + (row + r) * p.ldc;
        for (int64_t j = 0; j < p.columns; ++j) {
            float y = block[r][j];
            if (p.store == Store::add)
                y += c[j];
            else if (p.store == Store::scale_add)
                y += c[j] * p.row_scale[row + r];
            else if (p.bias)
                y += p.bias[j];
            c[j] = y;
        }
    }
}

template <int Rows, int Vectors>
void product_tail(const PanelProduct& p, int64_t row, int64_t rows) {
    if constexpr (Rows > 0) {
        if (rows == Rows)
            micro_kernel<Rows, Vectors>(p, row);
        else
            product_tail<Rows - 1, Vectors>(p, row, rows);
    }
}

template <int Rows, int Vectors>
void product_rows(const PanelProduct& p) {
    int64_t row = 0;
    for (; row + Rows <= p.rows; row += Rows) micro_kernel<Rows, Vectors>(p, row);
    product_tail<Rows - 1, Vectors>(p, row, p.rows - row);
}

void product(const PanelProduct& p) {
    // Rows x vectors accumulators fill the register file and hide the latency of the multiply-add.
    if (p.panel_vectors == 3)
        product_rows<HRA_TILE_ROWS * 2 / 3, 3>(p);
    else if (p.panel_vectors == 2)
        product_rows<HRA_TILE_ROWS, 2>(p);
    else
        product_rows<HRA_TILE_ROWS, 1>(p);
}

float exp2_scalar(float x) {
    return exp2_vec(splat(x))[0];
}

void softmax_row(const SoftmaxTile& t, int64_t row) {
    float* s = t.scores + row * t.ld;
    const float lowest = -__builtin_inff();
    for (int64_t j = t.columns; j < t.padded_columns; ++j) s[j] = lowest;
    Vec top = splat(t.max[row]);
    Vec top2 = top;
    int64_t j = 0;
    for (; j + 2 * kWidth <= t.padded_columns; j += 2 * kWidth) {
        const Vec x = load(s + j), y = load(s + j + kWidth);
        top = top < x ? x : top;
        top2 = top2 < y ? y : top2;
    }
    for (; j < t.padded_columns; j += kWidth) {
        const Vec x = load(s + j);
        top = top < x ? x : top;
    }
    top = top < top2 ? top2 : top;
    float m = top[0];
    for (int64_t i = 1; i < kWidth; ++i) m = m < top[i] ? top[i] : m;
    // A row that is masked so far has no maximum; any finite shift gives weights of zero.
    const float shift = m == lowest ? 0.0F : m;
    Vec sum = {}, sum2 = {};
    for (j = 0; j + 2 * kWidth <= t.padded_columns; j += 2 * kWidth) {
        const Vec w = exp2_vec(load(s + j) - shift);
        const Vec w2 = exp2_vec(load(s + j + kWidth) - shift);
        sum += w;
        sum2 += w2;
        store(s + j, w);
        store(s + j + kWidth, w2);
    }
    for (; j < t.padded_columns; j += kWidth) {
        const Vec w = exp2_vec(load(s + j) - shift);
        sum += w;
        store(s + j, w);
    }
    t.correction[row] = exp2_scalar(t.max[row] - shift);
    t.sum[row] = t.sum[row] * t.correction[row] + horizontal_sum(sum + sum2);
    t.max[row] = m;
}

void softmax(const SoftmaxTile& t) {
    for (int64_t row = 0; row < t.rows; ++row) softmax_row(t, row);
}

inline float bits_to_float(uint32_t bits) {
    float f;
    __builtin_memcpy(&f, &bits, sizeof f);
    return f;
}

inline uint32_t float_to_bits(float f) {
    uint32_t bits;
    __builtin_memcpy(&bits, &f, sizeof bits);
    return bits;
}

inline float half_to_float(uint16_t h) {
    const uint32_t sign = static_cast<uint32_t>(h & 0x8000U) << 16;
    const uint32_t body = static_cast<uint32_t>(h & 0x7fffU) << 13;
    // 2^112 moves the exponent bias and normalises what was subnormal.
    const float scaled = bits_to_float(body) * bits_to_float(0x77800000U);
    const uint32_t special = (h & 0x7c00U) == 0x7c00U ? 0x7f800000U | body : float_to_bits(scaled);
    return bits_to_float(sign | special);
}

inline uint16_t float_to_half(float f) {
    const uint32_t bits = float_to_bits(f);
    const uint32_t sign = (bits >> 16) & 0x8000U;
    const uint32_t body = bits & 0x7fffffffU;
    if (body > 0x7f800000U) return static_cast<uint16_t>(sign | 0x7e00U);
    if (body >= 0x477ff000U) return static_cast<uint16_t>(sign | 0x7c00U);
    if (body < 0x38800000U) {
        // Adding 0.5 aligns the subnormal's last bit with fp32's and rounds to even.
        const uint32_t aligned = float_to_bits(bits_to_float(body) + 0.5F) - 0x3f000000U;
        return static_cast<uint16_t>(sign | aligned);
    }
    return static_cast<uint16_t>(sign | ((body - 0x38000000U + 0xfffU + ((body >> 13) & 1U)) >> 13));
}

inline uint16_t float_to_bf16(float f) {
    const uint32_t bits = float_to_bits(f);
    if ((bits & 0x7fffffffU) > 0x7f800000U) return 0x7fc0U;
    return static_cast<uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

void load_elements(ElementType type, const void* src, float* dst, int64_t n) {
    if (type == ElementType::f32) {
        __builtin_memcpy(dst, src, static_cast<size_t>(n) * sizeof(float));
        return;
    }
    const auto* x = static_cast<const uint16_t*>(src);
    if (type == ElementType::bf16) {
        for (int64_t i = 0; i < n; ++i) dst[i] = bits_to_float(static_cast<uint32_t>(x[i]) << 16);
        return;
    }
    int64_t i = 0;
#ifdef __F16C__
    for (; i + 8 <= n; i += 8) {
        _mm256_storeu_ps(dst + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i))));
    }
#endif
    for (; i < n; ++i) dst[i] = half_to_float(x[i]);
}

void store_elements(ElementType type, const float* src, void* dst, int64_t n) {
    if (type == ElementType::f32) {
        __builtin_memcpy(dst, src, static_cast<size_t>(n) * sizeof(float));
        return;
    }
    auto* y = static_cast<uint16_t*>(dst);
    if (type == ElementType::bf16) {
        for (int64_t i = 0; i < n; ++i) y[i] = float_to_bf16(src[i]);
        return;
    }
    int64_t i = 0;
#ifdef __F16C__
    for (; i + 8 <= n; i += 8) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(y + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(src + i), _MM_FROUND_TO_NEAREST_INT));
    }
#endif
    for (; i < n; ++i) y[i] = float_to_half(src[i]);
}

void scale(const float* src, float factor, float* dst, int64_t n) {
    for (int64_t i = 0; i < n; ++i) dst[i] = src[i] * factor;
}

void moments(const float* x, const float* shift, float* sum, float* squares, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
        const float d = x[i] - shift[i];
        sum[i] += d;
        squares[i] += d * d;
    }
}

/// Runs f on whole vectors and, through a padded copy, on the rest.
template <class F>
inline void for_vectors(int64_t n, F&& f) {
    int64_t i = 0;
    for (; i + kWidth <= n; i += kWidth) f(i, kWidth);
    if (i < n) f(i, n - i);
}

inline Vec load_part(const float* p, int64_t count) {
    if (count == kWidth) return load(p);
    float part[kWidth] = {};
    for (int64_t i = 0; i < count; ++i) part[i] = p[i];
    return load(part);
}

inline void store_part(float* p, Vec v, int64_t count) {
    if (count == kWidth) {
        store(p, v);
        return;
    }
    for (int64_t i = 0; i < count; ++i) p[i] = v[i];
}

inline Vec silu_vec(Vec x) {
    // For very negative x the exponential saturates, and x / 2^126 is the zero it should be.
    const Vec t = x * -kLog2E;
    return x / (exp2_vec(t > 126.0F ? splat(126.0F) : t) + 1.0F);
}

// x/2 (1 + erf(x/sqrt 2)); erf by Abramowitz and Stegun 7.1.26, absolute error 1.5e-7.
inline Vec gelu_vec(Vec x) {
    const Vec z = x * 0.70710678118654752440F;
    const Vec a = z < 0.0F ? -z : z;
    const Vec t = 1.0F / (a * 0.3275911F + 1.0F);
    Vec p = t * 1.061405429F - 1.453152027F;
    p = p * t + 1.421413741F;
    p = p * t - 0.284496736F;
    p = p * t + 0.254829592F;
    const Vec tail = p * t * exp2_vec(a * a * -kLog2E);  // 1 - erf(|z|)
    return x * 0.5F * (z < 0.0F ? tail : 2.0F - tail);
}

void affine(const float* x, const float* scale, const float* shift, bool silu, float* y, int64_t n) {
    for_vectors(n, [&](int64_t i, int64_t count) {
        Vec v = load_part(x + i, count) * load_part(scale + i, count) + load_part(shift + i, count);
        if (silu) v = silu_vec(v);
        store_part(y + i, v, count);
    });
}

void geglu(const float* x, const float* gate, float* y, int64_t n) {
    for_vectors(n, [&](int64_t i, int64_t count) {
        store_part(y + i, load_part(x + i, count) * gelu_vec(load_part(gate + i, count)), count);
    });
}

void exp2(const float* x, float* y, int64_t n) {
    for_vectors(
        n, [&](int64_t i, int64_t count) { store_part(y + i, exp2_vec(load_part(x + i, count)), count); });
}

// Winograd F(4x4, 3x3) on the points 0, +-sqrt(1/2), +-sqrt(2), infinity, whose rounding errors are a
// quarter of those of the usual 0, +-1, +-2, infinity.
constexpr float kA = 0.70710678118654752440F;
constexpr float kB = 1.41421356237309504880F;

inline void input_transform(const Vec* d, int64_t step, Vec* out, int64_t out_step) {
    const Vec d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
    const Vec even_a = d4 - d2 * 2.0F, odd_a = (d3 - d1 * 2.0F) * kA;
    const Vec even_b = d4 - d2 * 0.5F, odd_b = (d3 - d1 * 0.5F) * kB;
    out[0] = d0 - d2 * 2.5F + d4;
    out[out_step] = even_a + odd_a;
    out[2 * out_step] = even_a - odd_a;
    out[3 * out_step] = even_b + odd_b;
    out[4 * out_step] = even_b - odd_b;
    out[5 * out_step] = d1 - d3 * 2.5F + d5;
}

inline void output_transform(const Vec* m, int64_t step, Vec* out, int64_t out_step) {
    const Vec sum_a = m[step] + m[2 * step], diff_a = m[step] - m[2 * step];
    const Vec sum_b = m[3 * step] + m[4 * step], diff_b = m[3 * step] - m[4 * step];
    out[0] = m[0] + sum_a + sum_b;
    out[out_step] = diff_a * kA + diff_b * kB;
    out[2 * out_step] = sum_a * 0.5F + sum_b * 2.0F;
    out[3 * out_step] = diff_a * (kA * 0.5F) + diff_b * (kB * 2.0F) + m[5 * step];
}

void winograd_input(const float* const* points, float* planes, int64_t plane_stride, int64_t n) {
    for_vectors(n, [&](int64_t i, int64_t count) {
        Vec d[36], t[36];
#pragma GCC unroll 6
        for (int64_t j = 0; j < 6; ++j) {
            Vec column[6];
#pragma GCC unroll 6
            for (int64_t k = 0; k < 6; ++k) column[k] = load_part(points[k * 6 + j] + i, count);
            input_transform(column, 1, t + j, 6);
        }
#pragma GCC unroll 6
        for (int64_t k = 0; k < 6; ++k) input_transform(t + k * 6, 1, d + k * 6, 1);
        for (int64_t k = 0; k < 36; ++k) store_part(planes + k * plane_stride + i, d[k], count);
    });
}

void winograd_weights(const float* weights, int64_t depth, int64_t vectors, int64_t row, float* planes,
                      int64_t plane_stride) {
    // Rows of G: 1, p, p^2 over the product of the differences to the other points.
    constexpr float kG[6][3] = {{1, 0, 0},
                                {-2.0F / 3, -2.0F / 3 * kA, -1.0F / 3},
                                {-2.0F / 3, 2.0F / 3 * kA, -1.0F / 3},
                                {1.0F / 6, kB / 6, 1.0F / 3},
                                {1.0F / 6, -kB / 6, 1.0F / 3},
                                {0, 0, 1}};
    const float* g = kG[row];
    const int64_t columns = vectors * kWidth;
    for (int64_t k = 0; k < depth; ++k) {
        for (int64_t i = 0; i < columns; i += kWidth) {
            const float* w = weights + k * 9 * columns + i;
            Vec t[3];
            for (int64_t j = 0; j < 3; ++j) {
                t[j] = load(w + j * columns) * g[0] + load(w + (3 + j) * columns) * g[1] +
                       load(w + (6 + j) * columns) * g[2];
            }
            const Vec even_a = t[0] * kG[1][0] + t[2] * kG[1][2], odd_a = t[1] * kG[1][1];
            const Vec even_b = t[0] * kG[3][0] + t[2] * kG[3][2], odd_b = t[1] * kG[3][1];
            float* u = planes + k * columns + i;
            store(u, t[0]);
            store(u + plane_stride, even_a + odd_a);
            store(u + 2 * plane_stride, even_a - odd_a);
            store(u + 3 * plane_stride, even_b + odd_b);
            store(u + 4 * plane_stride, even_b - odd_b);
            store(u + 5 * plane_stride, t[2]);
        }
    }
}

void winograd_output(const float* planes, int64_t plane_stride, const float* bias, float* const* points,
                     int64_t n) {
    for_vectors(n, [&](int64_t i, int64_t count) {
        const Vec b = bias ? load_part(bias + i, count) : Vec{};
        Vec t[24];
#pragma GCC unroll 6
        for (int64_t j = 0; j < 6; ++j) {
            Vec column[6];
#pragma GCC unroll 6
            for (int64_t k = 0; k < 6; ++k)
                column[k] = load_part(planes + (k * 6 + j) * plane_stride + i, count);
            output_transform(column, 1, t + j, 6);
        }
#pragma GCC unroll 4
        for (int64_t k = 0; k < 4; ++k) {
            Vec row[4];
            output_transform(t + k * 6, 1, row, 1);
            for (int64_t j = 0; j < 4; ++j) {
                if (float* y = points[k * 4 + j]) store_part(y + i, row[j] + b, count);
            }
        }
    });
}

}  // namespace

extern const TileKernels table;
const TileKernels table = {
    HRA_TILE_NAME, kWidth, product, softmax, load_elements,  store_elements,   scale,
    moments,       affine, geglu,   exp2,    winograd_input, winograd_weights, winograd_output,
};

}  // namespace hra::detail::HRA_TILE_ISA

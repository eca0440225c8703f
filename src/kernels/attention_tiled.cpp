// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention_tiled.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <ATen/Parallel.h>

#include "kernels/element_type.h"
#include "kernels/tile_kernels.h"

namespace hra::detail {
namespace {

// Queries and keys of one tile: q, scores and output stay in the second-level cache.
constexpr int64_t kQueryBlock = 96;
constexpr int64_t kKeyBlock = 512;

/// The column panels of V: every one two vectors wide, but for a first one that takes an odd count.
struct Panel {
    int64_t column;  ///< first column
    int64_t vectors;
};

std::vector<Panel> column_panels(int64_t columns, int64_t width) {
    const int64_t vectors = (columns + width - 1) / width;
    std::vector<Panel> panels;
    int64_t done = 0;
    if (vectors % 2 == 1) panels.push_back({0, std::min<int64_t>(vectors, 3)});
    if (!panels.empty()) done = panels[0].vectors;
    for (; done < vectors; done += 2) panels.push_back({done * width, 2});
    return panels;
}

class TiledAttention {
public:
    TiledAttention(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v, int64_t heads,
                   bool causal)
        : q_(q),
          k_(k),
          v_(v),
          type_(element_type(q.scalar_type())),
          heads_(heads),
          dim_(q.size(2) / heads),
          queries_(q.size(1)),
          keys_(k.size(1)),
          causal_(causal),
          panels_(column_panels(dim_, simd_.width)) {
        const int64_t panel = 2 * simd_.width;
        padded_keys_ = (keys_ + panel - 1) / panel * panel;
        padded_dim_ = (dim_ + simd_.width - 1) / simd_.width * simd_.width;
    }

    torch::Tensor run() {
        pack();
        auto out = torch::empty({q_.size(0), queries_, heads_ * dim_}, q_.options());
        const int64_t blocks = (queries_ + kQueryBlock - 1) / kQueryBlock;
        at::parallel_for(0, q_.size(0) * heads_ * blocks, 1, [&](int64_t begin, int64_t end) {
            Scratch scratch(*this);
            for (int64_t i = begin; i < end; ++i) {
                query_block(i / blocks, i % blocks * kQueryBlock, out, scratch);
            }
        });
        return out;
    }

private:
    struct Scratch {
        explicit Scratch(const TiledAttention& a)
            : q(static_cast<size_t>(kQueryBlock * a.dim_)),
              scores(static_cast<size_t>(kQueryBlock * score_stride(a.simd_))),
              out(static_cast<size_t>(kQueryBlock * a.padded_dim_)),
              max(kQueryBlock),
              sum(kQueryBlock),
              correction(kQueryBlock) {}
        std::vector<float> q, scores, out, max, sum, correction;
    };

    // One vector more than the block keeps the rows off the same cache sets.
    static int64_t score_stride(const TileKernels& simd) { return kKeyBlock + simd.width; }

    const char* row(const torch::Tensor& x, int64_t batch, int64_t position, int64_t head) const {
        const int64_t offset = batch * x.stride(0) + position * x.stride(1) + head * dim_;
        return static_cast<const char*>(x.data_ptr()) + offset * x.element_size();
    }

    // K as [panel][d][keys of the panel], V as [panel of columns][key][column].
    void pack() {
        const int64_t count = q_.size(0) * heads_;
        packed_k_ = torch::empty({count, padded_keys_ * dim_}, torch::kFloat);
        packed_v_ = torch::empty({count, keys_ * padded_dim_}, torch::kFloat);
        const int64_t blocks = (keys_ + kKeyBlock - 1) / kKeyBlock;
        at::parallel_for(0, count * blocks, 1, [&](int64_t begin, int64_t end) {
            std::vector<float> line(static_cast<size_t>(padded_dim_), 0.0F);
            for (int64_t i = begin; i < end; ++i) pack_block(i / blocks, i % blocks * kKeyBlock, line);
        });
    }

    void pack_block(int64_t bh, int64_t first, std::vector<float>& line) {
        const int64_t panel = 2 * simd_.width;
        const int64_t last = std::min(first + kKeyBlock, keys_);
        float* k_out = packed_k_.data_ptr<float>() + bh * packed_k_.size(1);
        float* v_out = packed_v_.data_ptr<float>() + bh * packed_v_.size(1);
        for (int64_t j = first; j < last; ++j) {
            simd_.load(type_, row(k_, bh / heads_, j, bh % heads_), line.data(), dim_);
            float* column = k_out + j / panel * panel * dim_ + j % panel;
            for (int64_t i = 0; i < dim_; ++i) column[i * panel] = line[static_cast<size_t>(i)];
            simd_.load(type_, row(v_, bh / heads_, j, bh % heads_), line.data(), dim_);
            for (const Panel& p : panels_) {
                const int64_t width = p.vectors * simd_.width;
                std::copy_n(line.data() + p.column, width, v_out + p.column * keys_ + j * width);
            }
        }
        if (last < keys_) return;
        for (int64_t j = keys_; j < padded_keys_; ++j) {
            float* column = k_out + j / panel * panel * dim_ + j % panel;
            for (int64_t i = 0; i < dim_; ++i) column[i * panel] = 0.0F;
        }
    }

    void query_block(int64_t bh, int64_t first, torch::Tensor& out, Scratch& s) const {
        const int64_t rows = std::min(kQueryBlock, queries_ - first);
        // exp(x) = 2^(x log2 e): the factor goes into q, with 1/sqrt(d).
        const auto factor = static_cast<float>(M_LOG2E / std::sqrt(static_cast<double>(dim_)));
        for (int64_t i = 0; i < rows; ++i) {
            float* line = s.q.data() + i * dim_;
            simd_.load(type_, row(q_, bh / heads_, first + i, bh % heads_), line, dim_);
            simd_.scale(line, factor, line, dim_);
        }
        std::fill(s.max.begin(), s.max.end(), -std::numeric_limits<float>::infinity());
        std::fill(s.sum.begin(), s.sum.end(), 0.0F);
        const int64_t visible = causal_ ? std::min(keys_, first + rows) : keys_;
        for (int64_t key = 0; key < visible; key += kKeyBlock) {
            key_block(bh, first, rows, key, std::min(kKeyBlock, visible - key), s);
        }
        for (int64_t i = 0; i < rows; ++i) {
            float* line = s.out.data() + i * padded_dim_;
            simd_.scale(line, 1.0F / s.sum[static_cast<size_t>(i)], line, dim_);
            simd_.store(type_, line, const_cast<char*>(row(out, bh / heads_, first + i, bh % heads_)), dim_);
        }
    }

    void key_block(int64_t bh, int64_t first_query, int64_t rows, int64_t key, int64_t count,
                   Scratch& s) const {
        const int64_t panel = 2 * simd_.width;
        const int64_t ld = score_stride(simd_);
        const int64_t padded = (count + panel - 1) / panel * panel;
        const float* k = packed_k_.data_ptr<float>() + bh * packed_k_.size(1) + key * dim_;
        for (int64_t j = 0; j < padded; j += panel) {
            simd_.product({rows, dim_, 2, panel, s.q.data(), dim_, k + j * dim_, s.scores.data() + j, ld,
                           Store::overwrite, nullptr, nullptr});
        }
        if (causal_ && key + count > first_query + 1) mask(first_query, rows, key, count, s);
        simd_.softmax(
            {rows, count, padded, s.scores.data(), ld, s.max.data(), s.sum.data(), s.correction.data()});
        const float* v = packed_v_.data_ptr<float>() + bh * packed_v_.size(1);
        for (const Panel& p : panels_) {
            const int64_t width = p.vectors * simd_.width;
            simd_.product({rows, count, p.vectors, width, s.scores.data(), ld,
                           v + p.column * keys_ + key * width, s.out.data() + p.column, padded_dim_,
                           key == 0 ? Store::overwrite : Store::scale_add, nullptr, s.correction.data()});
        }
    }

    void mask(int64_t first_query, int64_t rows, int64_t key, int64_t count, Scratch& s) const {
        for (int64_t i = 0; i < rows; ++i) {
            float* line = s.scores.data() + i * score_stride(simd_);
            const int64_t from = std::clamp<int64_t>(first_query + i + 1 - key, 0, count);
            std::fill(line + from, line + count, -std::numeric_limits<float>::infinity());
        }
    }

    const TileKernels& simd_ = tile_kernels();
    torch::Tensor q_, k_, v_;
    ElementType type_;
    int64_t heads_, dim_, queries_, keys_;
    bool causal_;
    std::vector<Panel> panels_;
    int64_t padded_keys_ = 0, padded_dim_ = 0;
    torch::Tensor packed_k_, packed_v_;
};

torch::Tensor unit_stride(const torch::Tensor& x) {
    return x.stride(2) == 1 ? x : x.contiguous();
}

}  // namespace

torch::Tensor attention_tiled(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v,
                              int64_t heads, bool causal) {
    return TiledAttention(unit_stride(q), unit_stride(k), unit_stride(v), heads, causal).run();
}

}  // namespace hra::detail

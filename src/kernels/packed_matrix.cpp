// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "kernels/packed_matrix.h"

#include <algorithm>
#include <vector>

#include <ATen/Parallel.h>

#include "kernels/element_type.h"
#include "kernels/tile_kernels.h"

namespace hra::detail {
namespace {

// A block of A (rows x depth) stays in the second-level cache, one panel of B (depth x two vectors) in the
// first, and the columns bound the block of C that is added to.
constexpr int64_t kRows = 96;
constexpr int64_t kDepth = 384;
constexpr int64_t kColumns = 1024;

int64_t panel_width() {
    return 2 * tile_kernels().width;
}

int64_t column_block(int64_t rows, int64_t panels) {
    // Few rows: cut the columns finer, so that every thread has work.
    const int64_t row_blocks = std::max<int64_t>(1, (rows + kRows - 1) / kRows);
    const int64_t wanted = std::max<int64_t>(1, 4 * at::get_num_threads() / row_blocks);
    return std::clamp<int64_t>(panels / wanted, 1, kColumns / panel_width());
}

}  // namespace

struct PackedMatrix::Block {
    int64_t row, rows;
    int64_t first_panel, last_panel;
    const float* bias;
    float* y;
};

PackedMatrix::PackedMatrix(const torch::Tensor& weight, torch::ScalarType storage)
    : in_(weight.size(1)), out_(weight.size(0)) {
    const int64_t width = panel_width();
    const int64_t panels = (out_ + width - 1) / width;
    auto padded = weight.detach().to(storage);
    if (panels * width != out_) padded = torch::constant_pad_nd(padded, {0, 0, 0, panels * width - out_});
    panels_ = padded.reshape({panels, width, in_}).transpose(1, 2).clone(at::MemoryFormat::Contiguous);
}

torch::Tensor PackedMatrix::unpack() const {
    return panels_.transpose(1, 2).reshape({-1, in_}).narrow(0, 0, out_).to(torch::kFloat).contiguous();
}

void PackedMatrix::multiply(const BlockLoader& load, int64_t rows, const torch::Tensor& bias,
                            torch::Tensor& y) const {
    const int64_t panels = panels_.size(0);
    const int64_t step = column_block(rows, panels);
    const int64_t row_blocks = (rows + kRows - 1) / kRows;
    const int64_t column_blocks = (panels + step - 1) / step;
    const float* bias_data = bias.defined() ? bias.data_ptr<float>() : nullptr;
    float* y_data = y.data_ptr<float>();
    at::parallel_for(0, row_blocks * column_blocks, 1, [&](int64_t begin, int64_t end) {
        const int64_t panel_floats = kDepth * panel_width();
        std::vector<float> scratch(static_cast<size_t>(kRows * (kDepth + 16) + panel_floats));
        for (int64_t i = begin; i < end; ++i) {
            // Neighbouring tasks share their columns of B.
            const int64_t row = i % row_blocks * kRows, panel = i / row_blocks * step;
            multiply_block(
                {row, std::min(kRows, rows - row), panel, std::min(panel + step, panels), bias_data, y_data},
                load, scratch.data());
        }
    });
}

void PackedMatrix::multiply_block(const Block& block, const BlockLoader& load, float* scratch) const {
    const TileKernels& simd = tile_kernels();
    const ElementType type = element_type(panels_.scalar_type());
    const int64_t width = panel_width();
    // Off the power of two, so that rows do not share cache sets.
    const int64_t lda = kDepth + 16;
    float* converted = scratch + kRows * lda;
    for (int64_t k = 0; k < in_; k += kDepth) {
        const int64_t depth = std::min(kDepth, in_ - k);
        load(block.row, block.rows, k, depth, scratch, lda);
        for (int64_t panel = block.first_panel; panel < block.last_panel; ++panel) {
            const int64_t offset = (panel * in_ + k) * width;
            const char* stored =
                static_cast<const char*>(panels_.data_ptr()) + offset * panels_.element_size();
            const float* b = reinterpret_cast<const float*>(stored);
            if (type != ElementType::f32) {
                simd.load(type, stored, converted, depth * width);
                b = converted;
            }
            const int64_t column = panel * width;
            simd.product({block.rows, depth, 2, std::min(width, out_ - column), scratch, lda, b,
                          block.y + block.row * out_ + column, out_, k == 0 ? Store::overwrite : Store::add,
                          block.bias ? block.bias + column : nullptr, nullptr});
        }
    }
}

}  // namespace hra::detail

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "kernels/winograd.h"

#include <algorithm>
#include <array>
#include <vector>

#include <ATen/Parallel.h>

#include "kernels/element_type.h"
#include "kernels/tile_kernels.h"

namespace hra::detail {
namespace {

constexpr int64_t kPlanes = 36;
constexpr int64_t kDepth = 128;      // input channels whose weights are transformed at a time
constexpr int64_t kChunkPanels = 4;  // panels of output channels in one task
constexpr int64_t kRows = 48;        // tiles of one product
// Bytes of transformed input and output held at a time: they stay in a shared last-level cache.
constexpr int64_t kGroupBytes = int64_t{12} << 20;

int64_t panel_width() {
    return 2 * tile_kernels().width;
}
int64_t ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

}  // namespace

struct WinogradConv2d::Job {
    const float* x;
    float* y;
    const float* bias;
    const float* zeros;
    int64_t height, width;            // pixels
    int64_t tile_rows, tile_columns;  // tiles of one image
    int64_t first;                    // first tile of the group
    int64_t count;                    // tiles in the group
    float* input;                     // [36, capacity, in_ld]
    float* output;                    // [36, capacity, out_ld]
    int64_t input_ld, output_ld, input_plane, output_plane;
};

WinogradConv2d::WinogradConv2d(const torch::Tensor& weight, torch::ScalarType storage)
    : in_(weight.size(1)), out_(weight.size(0)) {
    const int64_t width = panel_width();
    const int64_t panels = ceil_div(out_, width);
    auto padded = weight.detach().reshape({out_, in_ * 9}).to(storage);
    if (panels * width != out_) padded = torch::constant_pad_nd(padded, {0, 0, 0, panels * width - out_});
    panels_ = padded.reshape({panels, width, in_ * 9}).transpose(1, 2).clone(at::MemoryFormat::Contiguous);
}

torch::Tensor WinogradConv2d::unpack() const {
    const auto rows = panels_.transpose(1, 2).reshape({-1, in_ * 9}).narrow(0, 0, out_);
    return rows.to(torch::kFloat).reshape({out_, in_, 3, 3}).contiguous();
}

torch::Tensor WinogradConv2d::forward(const torch::Tensor& x, const torch::Tensor& bias) const {
    auto y =
        torch::empty({x.size(0), out_, x.size(2), x.size(3)}, x.options(), at::MemoryFormat::ChannelsLast);
    Job job{};
    job.x = x.data_ptr<float>();
    job.y = y.data_ptr<float>();
    job.bias = bias.defined() ? bias.data_ptr<float>() : nullptr;
    const std::vector<float> zeros(static_cast<size_t>(in_), 0.0F);
    job.zeros = zeros.data();
    job.height = x.size(2);
    job.width = x.size(3);
    job.tile_rows = ceil_div(job.height, 4);
    job.tile_columns = ceil_div(job.width, 4);
    // One vector beyond the channels keeps rows off the same cache sets.
    job.input_ld = in_ + tile_kernels().width;
    job.output_ld = ceil_div(out_, panel_width()) * panel_width() + tile_kernels().width;

    const int64_t tiles = x.size(0) * job.tile_rows * job.tile_columns;
    const int64_t fitting = kGroupBytes / (kPlanes * (job.input_ld + job.output_ld) * 4) / kRows * kRows;
    const int64_t capacity = std::min(tiles, std::max(kRows, fitting));
    job.input_plane = capacity * job.input_ld;
    job.output_plane = capacity * job.output_ld;
    auto buffer = torch::empty({kPlanes * (job.input_plane + job.output_plane)}, torch::kFloat);
    job.input = buffer.data_ptr<float>();
    job.output = job.input + kPlanes * job.input_plane;

    const int64_t chunks = ceil_div(panels_.size(0), kChunkPanels);
    for (job.first = 0; job.first < tiles; job.first += capacity) {
        job.count = std::min(capacity, tiles - job.first);
        at::parallel_for(0, job.count, 1, [&](int64_t b, int64_t e) { transform_input(job, b, e); });
        at::parallel_for(0, chunks * 6, 1, [&](int64_t b, int64_t e) {
            std::vector<float> scratch(static_cast<size_t>((kChunkPanels * 6 + 9) * kDepth * panel_width()));
            for (int64_t i = b; i < e; ++i) multiply(job, i / 6, i % 6, scratch.data());
        });
        at::parallel_for(0, job.count, 1, [&](int64_t b, int64_t e) { transform_output(job, b, e); });
    }
    return y;
}

void WinogradConv2d::transform_input(const Job& job, int64_t begin, int64_t end) const {
    std::array<const float*, 36> points{};
    for (int64_t t = begin; t < end; ++t) {
        const int64_t tile = job.first + t, per_image = job.tile_rows * job.tile_columns;
        const float* image = job.x + tile / per_image * job.height * job.width * in_;
        const int64_t top = tile % per_image / job.tile_columns * 4 - 1,
                      left = tile % job.tile_columns * 4 - 1;
        for (int64_t i = 0; i < 36; ++i) {
            const int64_t r = top + i / 6, c = left + i % 6;
            const bool inside = r >= 0 && r < job.height && c >= 0 && c < job.width;
            points[static_cast<size_t>(i)] = inside ? image + (r * job.width + c) * in_ : job.zeros;
        }
        tile_kernels().winograd_input(points.data(), job.input + t * job.input_ld, job.input_plane, in_);
    }
}

// Six of the 36 products, for the output channels of one chunk.
void WinogradConv2d::multiply(const Job& job, int64_t chunk, int64_t row, float* scratch) const {
    const TileKernels& simd = tile_kernels();
    const ElementType type = element_type(panels_.scalar_type());
    const int64_t width = panel_width();
    const int64_t first = chunk * kChunkPanels, last = std::min(first + kChunkPanels, panels_.size(0));
    const int64_t plane = kDepth * width;
    float* converted = scratch + kChunkPanels * 6 * plane;
    for (int64_t k = 0; k < in_; k += kDepth) {
        const int64_t depth = std::min(kDepth, in_ - k);
        for (int64_t p = first; p < last; ++p) {
            const int64_t offset = (p * in_ + k) * 9 * width;
            const char* stored =
                static_cast<const char*>(panels_.data_ptr()) + offset * panels_.element_size();
            const float* w = reinterpret_cast<const float*>(stored);
            if (type != ElementType::f32) {
                simd.load(type, stored, converted, depth * 9 * width);
                w = converted;
            }
            simd.winograd_weights(w, depth, 2, row, scratch + (p - first) * 6 * plane, plane);
        }
        for (int64_t i = 0; i < 6; ++i) {
            const float* a = job.input + (row * 6 + i) * job.input_plane + k;
            float* c = job.output + (row * 6 + i) * job.output_plane;
            for (int64_t t = 0; t < job.count; t += kRows) {
                for (int64_t p = first; p < last; ++p) {
                    simd.product({std::min(kRows, job.count - t), depth, 2, width, a + t * job.input_ld,
                                  job.input_ld, scratch + ((p - first) * 6 + i) * plane,
                                  c + t * job.output_ld + p * width, job.output_ld,
                                  k == 0 ? Store::overwrite : Store::add, nullptr, nullptr});
                }
            }
        }
    }
}

void WinogradConv2d::transform_output(const Job& job, int64_t begin, int64_t end) const {
    std::array<float*, 16> points{};
    for (int64_t t = begin; t < end; ++t) {
        const int64_t tile = job.first + t, per_image = job.tile_rows * job.tile_columns;
        float* image = job.y + tile / per_image * job.height * job.width * out_;
        const int64_t top = tile % per_image / job.tile_columns * 4, left = tile % job.tile_columns * 4;
        for (int64_t i = 0; i < 16; ++i) {
            const int64_t r = top + i / 4, c = left + i % 4;
            const bool inside = r < job.height && c < job.width;
            points[static_cast<size_t>(i)] = inside ? image + (r * job.width + c) * out_ : nullptr;
        }
        tile_kernels().winograd_output(job.output + t * job.output_ld, job.output_plane, job.bias,
                                       points.data(), out_);
    }
}

}  // namespace hra::detail

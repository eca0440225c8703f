// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "kernels/packed_layers.h"

#include <algorithm>

#include "core/error.h"
#include "kernels/element_type.h"
#include "kernels/tile_kernels.h"

namespace hra {
namespace {

// Below this many channels the transforms of Winograd's algorithm cost more than they save.
constexpr int64_t kWinogradChannels = 16;

torch::Tensor packed_bias(const torch::Tensor& bias) {
    return bias.defined() ? bias.detach().to(torch::kFloat).contiguous() : torch::Tensor();
}

void check_packable(const char* where, const torch::Tensor& weight, int64_t dimensions,
                    torch::ScalarType storage) {
    check(weight.dim() == dimensions && weight.is_cpu(), where, "wanted a weight with ", dimensions,
          " dimensions on the CPU, got ", weight.sizes(), " on ", weight.device());
    check(detail::is_tile_type(storage), where, "wanted storage in fp32, bf16 or fp16, got ", storage);
}

void check_input(const char* where, const torch::Tensor& x, int64_t channels, int64_t dimension) {
    check(x.is_cpu() && detail::is_tile_type(x.scalar_type()), where,
          "wanted fp32, bf16 or fp16 on the CPU, got ", x.scalar_type(), " on ", x.device());
    check(x.size(dimension) == channels, where, "wanted ", channels, " channels, got shape ", x.sizes());
}

/// Reads blocks of the matrix whose row is an output pixel and whose columns are (tap, input channel).
struct PatchLoader {
    const float* x;  // [B, H, W, C]
    int64_t height, width, channels;
    int64_t out_height, out_width;
    int64_t kernel_width, stride, padding;

    void operator()(int64_t row, int64_t rows, int64_t column, int64_t columns, float* dst,
                    int64_t ld) const {
        for (int64_t i = 0; i < rows; ++i) {
            for (int64_t c = column; c < column + columns;) {
                const int64_t tap = c / channels, channel = c % channels;
                const int64_t count = std::min(channels - channel, column + columns - c);
                copy(row + i, tap, channel, count, dst + i * ld + (c - column));
                c += count;
            }
        }
    }

    void copy(int64_t pixel, int64_t tap, int64_t channel, int64_t count, float* dst) const {
        const int64_t image = pixel / (out_height * out_width);
        const int64_t r = pixel / out_width % out_height * stride - padding + tap / kernel_width;
        const int64_t c = pixel % out_width * stride - padding + tap % kernel_width;
        if (r < 0 || r >= height || c < 0 || c >= width) {
            std::fill_n(dst, count, 0.0F);
            return;
        }
        std::copy_n(x + ((image * height + r) * width + c) * channels + channel, count, dst);
    }
};

}  // namespace

PackedLinear::PackedLinear(const torch::Tensor& weight, const torch::Tensor& bias, torch::ScalarType storage)
    : matrix_((check_packable("PackedLinear", weight, 2, storage), weight), storage),
      bias_(packed_bias(bias)) {}

torch::Tensor PackedLinear::forward(const torch::Tensor& x) const {
    check_input("PackedLinear", x, matrix_.in(), -1);
    const auto rows = x.reshape({-1, matrix_.in()});
    const auto source = rows.stride(1) == 1 ? rows : rows.contiguous();
    auto y = torch::empty({source.size(0), matrix_.out()}, source.options().dtype(torch::kFloat));
    const auto type = detail::element_type(source.scalar_type());
    const auto* data = static_cast<const char*>(source.data_ptr());
    const auto size = static_cast<int64_t>(source.element_size());
    const int64_t stride = source.stride(0);
    const auto load = [=](int64_t row, int64_t count, int64_t column, int64_t columns, float* dst,
                          int64_t ld) {
        for (int64_t i = 0; i < count; ++i) {
            detail::tile_kernels().load(type, data + ((row + i) * stride + column) * size, dst + i * ld,
                                        columns);
        }
    };
    matrix_.multiply(load, source.size(0), bias_, y);
    auto sizes = x.sizes().vec();
    sizes.back() = matrix_.out();
    return y.view(sizes).to(x.scalar_type());
}

PackedConv2d::PackedConv2d(const torch::Tensor& weight, const torch::Tensor& bias,
                           const PackedConv2dOptions& options)
    : options_(options) {
    check_packable("PackedConv2d", weight, 4, options.storage);
    in_ = weight.size(1);
    out_ = weight.size(0);
    kernel_height_ = weight.size(2);
    kernel_width_ = weight.size(3);
    bias_ = packed_bias(bias);
    const bool fits = kernel_height_ == 3 && kernel_width_ == 3 && options.stride == 1 &&
                      options.padding == 1 && std::min(in_, out_) >= kWinogradChannels;
    if (options.winograd && fits) {
        winograd_.emplace(weight, options.storage);
    } else {
        matrix_.emplace(weight.detach().permute({0, 2, 3, 1}).reshape({out_, -1}), options.storage);
    }
}

torch::Tensor PackedConv2d::weight() const {
    if (winograd_) return winograd_->unpack();
    return matrix_->unpack()
        .view({out_, kernel_height_, kernel_width_, in_})
        .permute({0, 3, 1, 2})
        .contiguous();
}

torch::Tensor PackedConv2d::forward(const torch::Tensor& x) const {
    check(x.dim() == 4, "PackedConv2d", "wanted [B, C, H, W], got ", x.sizes());
    check_input("PackedConv2d", x, in_, 1);
    const auto source = x.to(torch::kFloat).contiguous(at::MemoryFormat::ChannelsLast);
    return (winograd_ ? winograd_->forward(source, bias_) : direct(source)).to(x.scalar_type());
}

torch::Tensor PackedConv2d::direct(const torch::Tensor& x) const {
    const int64_t height = (x.size(2) + 2 * options_.padding - kernel_height_) / options_.stride + 1;
    const int64_t width = (x.size(3) + 2 * options_.padding - kernel_width_) / options_.stride + 1;
    check(height > 0 && width > 0, "PackedConv2d", "wanted a picture no smaller than the ", kernel_height_,
          "x", kernel_width_, " kernel, got ", x.sizes());
    auto y = torch::empty({x.size(0), height, width, out_}, x.options());
    const PatchLoader load{x.data_ptr<float>(), x.size(2),       x.size(3),       in_, height, width,
                           kernel_width_,       options_.stride, options_.padding};
    matrix_->multiply(load, x.size(0) * height * width, bias_, y);
    return y.permute({0, 3, 1, 2});
}

}  // namespace hra

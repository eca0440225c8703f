// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "kernels/normalization.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <vector>

#include <ATen/Parallel.h>

#include "core/error.h"
#include "kernels/element_type.h"
#include "kernels/tile_kernels.h"

namespace hra {
namespace {

constexpr int64_t kPixels = 64;    // pixels summed in fp32 before the sums go on in fp64
constexpr int64_t kRowGrain = 16;  // rows of a task, at least

bool wants_grad(std::initializer_list<torch::Tensor> tensors) {
    return torch::GradMode::is_enabled() && std::any_of(tensors.begin(), tensors.end(), [](const auto& t) {
               return t.defined() && t.requires_grad();
           });
}

bool is_half_on_cpu(const torch::Tensor& x) {
    return x.is_cpu() && (x.scalar_type() == torch::kBFloat16 || x.scalar_type() == torch::kHalf);
}

/// Group normalisation of [images, pixels, channels] rows that are contiguous in memory.
class GroupNormRows {
public:
    GroupNormRows(const torch::Tensor& x, int64_t groups, const torch::Tensor& weight,
                  const torch::Tensor& bias, double eps, bool silu)
        : x_(x),
          type_(detail::element_type(x.scalar_type())),
          images_(x.size(0)),
          channels_(x.size(1)),
          pixels_(x.size(2) * x.size(3)),
          groups_(groups),
          per_group_(channels_ / groups),
          chunks_((pixels_ + kPixels - 1) / kPixels),
          eps_(eps),
          silu_(silu),
          weight_(weight.to(torch::kFloat).contiguous()),
          bias_(bias.to(torch::kFloat).contiguous()) {}

    torch::Tensor run() {
        centre_.resize(static_cast<size_t>(images_ * channels_));
        for (int64_t image = 0; image < images_; ++image) find_centre(image);
        sums_.assign(static_cast<size_t>(images_ * chunks_ * groups_ * 2), 0.0);
        at::parallel_for(0, images_ * chunks_, 1,
                         [&](int64_t begin, int64_t end) { add_chunks(begin, end); });
        scale_.resize(centre_.size());
        shift_.resize(centre_.size());
        for (int64_t i = 0; i < images_ * groups_; ++i) finish_group(i / groups_, i % groups_);
        auto y = torch::empty_like(x_);
        at::parallel_for(0, images_ * pixels_, kRowGrain, [&](int64_t begin, int64_t end) {
            apply(begin, end, static_cast<char*>(y.data_ptr()));
        });
        return y;
    }

private:
    const char* row(int64_t i) const {
        return static_cast<const char*>(x_.data_ptr()) + i * channels_ * x_.element_size();
    }

    // Moments are taken about a value from the data, so that a large mean does not drown the variance.
    void find_centre(int64_t image) {
        float* centre = centre_.data() + image * channels_;
        simd_.load(type_, row(image * pixels_), centre, channels_);
        for (int64_t g = 0; g < groups_; ++g) {
            float* group = centre + g * per_group_;
            float sum = 0;
            for (int64_t c = 0; c < per_group_; ++c) sum += group[c];
            std::fill_n(group, per_group_, sum / static_cast<float>(per_group_));
        }
    }

    void add_chunks(int64_t begin, int64_t end) {
        const auto count = static_cast<size_t>(channels_);
        std::vector<float> line(count), sum(count), squares(count);
        for (int64_t i = begin; i < end; ++i) {
            const int64_t image = i / chunks_, first = i % chunks_ * kPixels;
            std::fill(sum.begin(), sum.end(), 0.0F);
            std::fill(squares.begin(), squares.end(), 0.0F);
            for (int64_t p = first; p < std::min(first + kPixels, pixels_); ++p) {
                const float* x = as_float(image * pixels_ + p, line);
                simd_.moments(x, centre_.data() + image * channels_, sum.data(), squares.data(), channels_);
            }
            double* out = sums_.data() + i * groups_ * 2;
            for (int64_t c = 0; c < channels_; ++c) {
                out[c / per_group_ * 2] += static_cast<double>(sum[static_cast<size_t>(c)]);
                out[c / per_group_ * 2 + 1] += static_cast<double>(squares[static_cast<size_t>(c)]);
            }
        }
    }

    void finish_group(int64_t image, int64_t group) {
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < chunks_; ++i) {
            const double* part = sums_.data() + ((image * chunks_ + i) * groups_ + group) * 2;
            sum += part[0];
            squares += part[1];
        }
        const auto n = static_cast<double>(per_group_ * pixels_);
        const double offset = sum / n;
        const double deviation = std::sqrt(std::max(0.0, squares / n - offset * offset) + eps_);
        for (int64_t c = group * per_group_; c < (group + 1) * per_group_; ++c) {
            const auto at = static_cast<size_t>(image * channels_ + c);
            const double factor = static_cast<double>(weight_.data_ptr<float>()[c]) / deviation;
            scale_[at] = static_cast<float>(factor);
            const double mean = static_cast<double>(centre_[at]) + offset;
            shift_[at] = static_cast<float>(static_cast<double>(bias_.data_ptr<float>()[c]) - mean * factor);
        }
    }

    void apply(int64_t begin, int64_t end, char* y) const {
        std::vector<float> line(static_cast<size_t>(channels_));
        for (int64_t i = begin; i < end; ++i) {
            const float* scale = scale_.data() + i / pixels_ * channels_;
            const float* shift = shift_.data() + i / pixels_ * channels_;
            char* out = y + i * channels_ * x_.element_size();
            if (type_ == detail::ElementType::f32) {
                simd_.affine(reinterpret_cast<const float*>(row(i)), scale, shift, silu_,
                             reinterpret_cast<float*>(out), channels_);
            } else {
                simd_.load(type_, row(i), line.data(), channels_);
                simd_.affine(line.data(), scale, shift, silu_, line.data(), channels_);
                simd_.store(type_, line.data(), out, channels_);
            }
        }
    }

    const float* as_float(int64_t i, std::vector<float>& line) const {
        if (type_ == detail::ElementType::f32) return reinterpret_cast<const float*>(row(i));
        simd_.load(type_, row(i), line.data(), channels_);
        return line.data();
    }

    const detail::TileKernels& simd_ = detail::tile_kernels();
    torch::Tensor x_;
    detail::ElementType type_;
    int64_t images_, channels_, pixels_, groups_, per_group_, chunks_;
    double eps_;
    bool silu_;
    torch::Tensor weight_, bias_;
    std::vector<float> centre_, scale_, shift_;  // [image, channel]
    std::vector<double> sums_;                   // [image, chunk, group, moment]
};

torch::Tensor normalise(const torch::Tensor& x, int64_t groups, const torch::Tensor& weight,
                        const torch::Tensor& bias, double eps, bool silu) {
    check(x.dim() >= 2 && groups > 0 && x.size(1) % groups == 0, "group_norm",
          "wanted channels divisible by ", groups, " groups, got shape ", x.sizes());
    const bool fast = x.is_cpu() && detail::is_tile_type(x.scalar_type()) && x.dim() == 4 && x.numel() > 0 &&
                      x.is_contiguous(at::MemoryFormat::ChannelsLast) && !wants_grad({x, weight, bias});
    if (fast) return GroupNormRows(x, groups, weight, bias, eps, silu).run();
    // LibTorch 1.13 computes half group norms wrongly on the CPU, and no release mixes dtypes everywhere.
    const bool cast = is_half_on_cpu(x) || x.scalar_type() != weight.scalar_type();
    auto y = cast ? torch::group_norm(x.to(torch::kFloat), groups, weight.to(torch::kFloat),
                                      bias.to(torch::kFloat), eps)
                  : torch::group_norm(x, groups, weight, bias, eps);
    return (silu ? torch::silu(y) : y).to(x.scalar_type());
}

}  // namespace

torch::Tensor group_norm(const torch::Tensor& x, int64_t groups, const torch::Tensor& weight,
                         const torch::Tensor& bias, double eps) {
    return normalise(x, groups, weight, bias, eps, false);
}

torch::Tensor group_norm_silu(const torch::Tensor& x, int64_t groups, const torch::Tensor& weight,
                              const torch::Tensor& bias, double eps) {
    return normalise(x, groups, weight, bias, eps, true);
}

torch::Tensor layer_norm(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                         double eps) {
    const int64_t channels = x.size(-1);
    if (!is_half_on_cpu(x) && x.scalar_type() == weight.scalar_type()) {
        return torch::layer_norm(x, {channels}, weight, bias, eps);
    }
    const auto y = torch::layer_norm(x.to(torch::kFloat), {channels}, weight.to(torch::kFloat),
                                     bias.to(torch::kFloat), eps);
    return y.to(x.scalar_type());
}

torch::Tensor geglu(const torch::Tensor& projected) {
    const int64_t channels = projected.size(-1) / 2;
    check(projected.size(-1) == 2 * channels, "geglu", "wanted an even last dimension, got ",
          projected.sizes());
    if (!projected.is_cpu() || !detail::is_tile_type(projected.scalar_type()) || wants_grad({projected})) {
        const auto halves = projected.chunk(2, -1);
        return halves[0] * torch::gelu(halves[1]);
    }
    const auto x = projected.contiguous();
    auto sizes = projected.sizes().vec();
    sizes.back() = channels;
    auto y = torch::empty(sizes, projected.options());
    const auto& simd = detail::tile_kernels();
    const auto type = detail::element_type(x.scalar_type());
    const int64_t rows = channels > 0 ? y.numel() / channels : 0;
    const auto* in = static_cast<const char*>(x.data_ptr());
    auto* out = static_cast<char*>(y.data_ptr());
    const auto bytes = static_cast<int64_t>(x.element_size()) * channels;
    at::parallel_for(0, rows, kRowGrain, [&](int64_t begin, int64_t end) {
        std::vector<float> line(static_cast<size_t>(2 * channels));
        for (int64_t i = begin; i < end; ++i) {
            simd.load(type, in + i * 2 * bytes, line.data(), 2 * channels);
            simd.geglu(line.data(), line.data() + channels, line.data(), channels);
            simd.store(type, line.data(), out + i * bytes, channels);
        }
    });
    return y;
}

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace hra {
namespace {

constexpr int max_side = 16384;
// 32 bits hold 8 of a sample, 2 of head-room for filters that overshoot, and this much fraction.
constexpr int precision_bits = 32 - 8 - 2;

double sinc(double x) {
    if (x == 0) return 1;
    x *= std::numbers::pi;
    return std::sin(x) / x;
}

double cubic(double x) {
    constexpr double a = -0.5;
    x = std::abs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
    return 0;
}

struct Kernel {
    double support;
    double (*value)(double);
};

Kernel kernel_of(Filter filter) {
    switch (filter) {
        case Filter::box:
            return {0.5, [](double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }};
        case Filter::bicubic:
            return {2, cubic};
        case Filter::lanczos:
            return {3, [](double x) { return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0; }};
        default:
            return {1, [](double x) { return std::max(0.0, 1 - std::abs(x)); }};
    }
}

/// For each output sample: where its input samples begin and their fixed-point weights.
struct Taps {
    std::vector<int> first, count;
    std::vector<std::int32_t> weights;  // `stride` per output sample
    std::size_t stride = 0;
};

Taps taps_of(int in, int out, Filter filter) {
    const Kernel kernel = kernel_of(filter);
    const double scale = static_cast<double>(in) / out;
    const double stretch = std::max(scale, 1.0);
    const double support = kernel.support * stretch, shrink = 1 / stretch;
    Taps taps;
    taps.stride = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
    taps.weights.resize(taps.stride * static_cast<std::size_t>(out));
    std::vector<double> values(taps.stride);
    for (int i = 0; i < out; ++i) {
        const double center = (i + 0.5) * scale;
        const int first = std::max(static_cast<int>(center - support + 0.5), 0);
        const int count = std::min(static_cast<int>(center + support + 0.5), in) - first;
        double sum = 0;
        for (int k = 0; k < count; ++k)
            sum += values[static_cast<std::size_t>(k)] = kernel.value((k + first - center + 0.5) * shrink);
        auto* weights = taps.weights.data() + static_cast<std::size_t>(i) * taps.stride;
        for (int k = 0; k < count; ++k) {
            double w = values[static_cast<std::size_t>(k)];
            if (sum != 0) w /= sum;
            weights[k] = static_cast<std::int32_t>(std::copysign(0.5, w) + w * (1 << precision_bits));
        }
        taps.first.push_back(first);
        taps.count.push_back(count);
    }
    return taps;
}

std::uint8_t to_sample(std::int32_t sum) {
    return static_cast<std::uint8_t>(std::clamp(sum >> precision_bits, 0, 255));
}

constexpr std::int32_t one_half = 1 << (precision_bits - 1);

template <int channels>
Image horizontal(const Image& in, int width, Filter filter) {
    const Taps taps = taps_of(in.width, width, filter);
    Image out(width, in.height, channels);
    auto* to = out.pixels.data();
    for (int y = 0; y < in.height; ++y) {
        const auto* row = in.pixels.data() + static_cast<std::ptrdiff_t>(y) * in.width * channels;
        for (std::size_t x = 0; x < static_cast<std::size_t>(width); ++x) {
            const auto* weights = taps.weights.data() + x * taps.stride;
            const auto* from = row + taps.first[x] * channels;
            std::int32_t sums[channels];
            std::fill_n(sums, channels, one_half);
            for (int k = 0; k < taps.count[x]; ++k, from += channels)
                for (int c = 0; c < channels; ++c) sums[c] += from[c] * weights[k];
            for (int c = 0; c < channels; ++c) *to++ = to_sample(sums[c]);
        }
    }
    return out;
}

Image vertical(const Image& in, int height, Filter filter) {
    const Taps taps = taps_of(in.height, height, filter);
    Image out(in.width, height, in.channels);
    const auto line = static_cast<std::size_t>(in.width) * static_cast<std::size_t>(in.channels);
    std::vector<std::int32_t> sums(line);
    for (std::size_t y = 0; y < static_cast<std::size_t>(height); ++y) {
        std::fill(sums.begin(), sums.end(), one_half);
        for (int k = 0; k < taps.count[y]; ++k) {
            const std::int32_t weight = taps.weights[y * taps.stride + static_cast<std::size_t>(k)];
            const auto* from = in.pixels.data() + static_cast<std::size_t>(taps.first[y] + k) * line;
            for (std::size_t i = 0; i < line; ++i) sums[i] += from[i] * weight;
        }
        std::transform(sums.begin(), sums.end(), out.pixels.data() + y * line, to_sample);
    }
    return out;
}

/// The input index of each output index. Pillow adds the step up, and so must we: the sum's rounding decides.
std::vector<std::size_t> nearest_indices(int in, int out) {
    const double step = static_cast<double>(in) / out;
    std::vector<std::size_t> indices;
    double at = step * 0.5;
    for (int i = 0; i < out; ++i, at += step)
        indices.push_back(static_cast<std::size_t>(std::min(static_cast<int>(at), in - 1)));
    return indices;
}

Image resize_nearest(const Image& in, int width, int height) {
    Image out(width, height, in.channels);
    const auto columns = nearest_indices(in.width, width);
    const auto channels = static_cast<std::size_t>(in.channels);
    auto* to = out.pixels.data();
    for (const std::size_t y : nearest_indices(in.height, height))
        for (const std::size_t x : columns)
            to = std::copy_n(in.pixels.data() + (y * static_cast<std::size_t>(in.width) + x) * channels,
                             channels, to);
    return out;
}

void check_picture(const Image& image, std::string_view where) {
    check(!image.empty() && (image.channels == 1 || image.channels == 3), where,
          "wanted a picture with 1 or 3 channels, got ", image.width, 'x', image.height, 'x', image.channels);
}

}  // namespace

Image resize(const Image& image, int width, int height, Filter filter) {
    check_picture(image, "resize");
    check(std::min(width, height) >= 1 && std::max(width, height) <= max_side, "resize",
          "wanted sides from 1 to ", max_side, " pixels, got ", width, 'x', height);
    if (width == image.width && height == image.height) return image;
    if (filter == Filter::nearest) return resize_nearest(image, width, height);
    Image out;
    if (width != image.width)
        out = image.channels == 1 ? horizontal<1>(image, width, filter) : horizontal<3>(image, width, filter);
    const Image& wide = width != image.width ? out : image;
    return height != wide.height ? vertical(wide, height, filter) : out;
}

Image resize_shorter_edge(const Image& image, int size, Filter filter) {
    check_picture(image, "resize");
    const auto [shorter, longer] = std::minmax(image.width, image.height);
    const std::int64_t other = std::int64_t{size} * longer / shorter;
    check(size >= 1 && other <= max_side, "resize", "wanted sides from 1 to ", max_side, " pixels, got ",
          size, " and ", other);
    const int long_side = static_cast<int>(other);
    return image.width <= image.height ? resize(image, size, long_side, filter)
                                       : resize(image, long_side, size, filter);
}

Image center_crop(const Image& image, int width, int height) {
    check(width >= 1 && height >= 1 && width <= image.width && height <= image.height, "crop",
          "wanted a part of the picture of ", image.width, 'x', image.height, ", got ", width, 'x', height);
    const auto offset = [](int outer, int inner) {
        return static_cast<std::size_t>(std::nearbyint((outer - inner) / 2.0));
    };
    const auto channels = static_cast<std::size_t>(image.channels);
    const std::size_t left = offset(image.width, width), top = offset(image.height, height);
    Image out(width, height, image.channels);
    auto* to = out.pixels.data();
    for (std::size_t y = 0; y < static_cast<std::size_t>(height); ++y)
        to = std::copy_n(
            image.pixels.data() + ((top + y) * static_cast<std::size_t>(image.width) + left) * channels,
            static_cast<std::size_t>(width) * channels, to);
    return out;
}

}  // namespace hra

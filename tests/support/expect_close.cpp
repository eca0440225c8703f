// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "support/expect_close.h"

#include <algorithm>
#include <vector>

#include <torch/torch.h>

namespace hra::test {
namespace {

std::string index_of(std::int64_t flat, at::IntArrayRef shape) {
    std::vector<std::int64_t> index(shape.size());
    for (std::size_t d = shape.size(); d-- > 0; flat /= shape[d]) index[d] = flat % shape[d];
    std::string text = "[";
    for (std::size_t d = 0; d < index.size(); ++d) text += (d ? ", " : "") + std::to_string(index[d]);
    return text + "]";
}

}  // namespace

::testing::AssertionResult close(const torch::Tensor& actual, const torch::Tensor& expected,
                                 Tolerance tolerance) {
    if (!actual.defined() || !expected.defined())
        return ::testing::AssertionFailure() << "an undefined tensor";
    if (actual.sizes() != expected.sizes())
        return ::testing::AssertionFailure() << "shape " << actual.sizes() << ", wanted " << expected.sizes();
    if (actual.numel() == 0) return ::testing::AssertionSuccess();
    const auto a = actual.detach().cpu().to(torch::kFloat64).contiguous().flatten();
    const auto e = expected.detach().cpu().to(torch::kFloat64).contiguous().flatten();
    if (!torch::isfinite(a).all().item<bool>())
        return ::testing::AssertionFailure() << "values that are not finite, shape " << actual.sizes();
    const auto difference = (a - e).abs();
    const auto worst = difference.argmax().item<std::int64_t>();
    const double error = difference[worst].item<double>();
    const double scale = e.abs().max().item<double>();
    const double limit = tolerance.absolute + tolerance.relative * scale;
    if (error <= limit) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure()
           << "shape " << actual.sizes() << ", dtype " << actual.dtype() << ": worst at "
           << index_of(worst, actual.sizes()) << ": " << a[worst].item<double>() << ", wanted "
           << e[worst].item<double>() << "; absolute error " << error << " (limit " << limit
           << "), relative to max|wanted| " << error / std::max(scale, 1e-300);
}

}  // namespace hra::test

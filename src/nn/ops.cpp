// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "nn/ops.h"

#include <torch/torch.h>

namespace hra {

torch::Tensor quick_gelu(const torch::Tensor& x) {
    return x * torch::sigmoid(1.702 * x);
}

torch::Tensor upsample_nearest(const torch::Tensor& x, std::int64_t height, std::int64_t width) {
    return torch::upsample_nearest2d(x, {height, width});
}

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Named tensors, as a checkpoint holds them.
#pragma once

#include <map>
#include <string>

#include <torch/types.h>

namespace hra {

/// Name -> tensor, sorted by name.
using StateDict = std::map<std::string, torch::Tensor>;

}  // namespace hra

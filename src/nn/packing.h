// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Makes a loaded model ready for fast inference.
#pragma once

#include <torch/nn/module.h>

namespace hra {

/// Lays the weights of every Linear and Conv2d below `module` out for the kernels of their device and
/// converts all other floating-point tensors to `dtype`, the type of the activations. On the CPU the laid-out
/// copy replaces the plain weight, which is empty afterwards; it keeps the precision of the file, since half
/// precision widens exactly to fp32. Such a model cannot be trained, saved or packed again. Memory-mapped
/// weights are taken out of memory one by one, so that the two copies never add up.
void pack_for_inference(torch::nn::Module& module, torch::ScalarType dtype);

/// True where the processor multiplies bf16 numbers itself: LibTorch's own layers are then the fast ones for
/// bf16.
bool cpu_multiplies_bf16();

}  // namespace hra

// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Files of torch.save (.ckpt, .pt, .pth, .bin; source: torch/serialization.py), read without running
// anything.
#pragma once

#include <filesystem>
#include <span>
#include <string_view>

#include "weights/state_dict.h"
#include "weights/tensor_view.h"

namespace hra {

/// Reads the state dict of a file in the zip format (torch 1.6 and later) or the one before it.
///
/// Wrappers are taken off: as long as a dict has no tensor of its own, the reader goes on with its entry
/// `state_dict`, `model_state_dict`, `module` or `model`, in this order, else with its only entry that holds
/// tensors. What is left over (optimizer, callbacks) is not looked at. In the remaining dict, tensors of
/// nested dicts and lists are named by their keys and indices, joined with dots; everything that is no tensor
/// is left out.
///
/// Tensors are views of the memory-mapped file, shared as their storages were, unless they are compressed or
/// misaligned. Throws Error naming the file when it is damaged, calls anything but what checkpoints need (see
/// pickle.h), has a tensor outside of its storage or much larger than it, or holds no tensor at all.
StateDict read_torch_checkpoint(const std::filesystem::path& path);

/// The same for bytes in memory, which `owner` keeps alive for the tensors; `where` names them in errors.
StateDict read_torch_checkpoint(std::span<const std::uint8_t> bytes, std::string_view where,
                                const Owner& owner);

}  // namespace hra

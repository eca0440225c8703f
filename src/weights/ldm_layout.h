// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Foreign names of weights, in one place: CompVis/LDM checkpoints and the VAE's old attention names.
// Source: diffusers/loaders/single_file_utils.py.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "weights/state_dict.h"

namespace hra {

/// Two names of the same module. A table of these maps in both directions.
struct ModuleNames {
    std::string ldm, diffusers;
};
using ModuleTable = std::vector<ModuleNames>;

/// What the numbering of LDM's UNet blocks depends on.
struct LdmUNetShape {
    int levels = 4;
    int layers_per_block = 2;
    std::vector<bool> has_attention{true, true, true, false};  // by level
};

/// What the numbering of LDM's VAE blocks depends on.
struct LdmVaeShape {
    int levels = 4;
    int layers_per_block = 2;
};

/// All modules of a UNet or VAE whose names differ between the layouts; names without LDM's component prefix.
ModuleTable ldm_unet_modules(const LdmUNetShape& shape);
ModuleTable ldm_vae_modules(const LdmVaeShape& shape);

/// Reads the shape off the names of LDM tensors (without the component prefix). Throws Error when the blocks
/// do not add up.
LdmUNetShape ldm_unet_shape(const StateDict& unet, std::string_view where);
LdmVaeShape ldm_vae_shape(const StateDict& vae, std::string_view where);

enum class Direction { to_diffusers, to_ldm };

/// Renames tensors by the longest module name that each begins with, at a dot; others keep their names.
/// Throws Error when two tensors end up with one name.
StateDict rename_modules(const StateDict& tensors, const ModuleTable& table, Direction direction,
                         std::string_view where);

/// True for a checkpoint in LDM's layout: it has tensors below `model.diffusion_model.`.
bool is_ldm_layout(const StateDict& tensors);

/// The component that an LDM name belongs to: "unet", "vae", "text_encoder", "unet_ema", "control_model" or
/// "other".
std::string ldm_component_of(std::string_view name);

/// An LDM checkpoint, taken apart; components that it does not have are empty.
struct LdmCheckpoint {
    StateDict unet, vae, text_encoder;  // diffusers' names
    StateDict other;                    // noise schedule, control model, EMA, ...: under their own names
};

/// Splits and renames. With `use_ema` the UNet's weights are the averaged ones (`model_ema.`, whose names
/// have lost their dots). Throws Error when those are asked for and not all there, and for the text encoder
/// of Stable Diffusion 2.
LdmCheckpoint split_ldm_checkpoint(const StateDict& tensors, bool use_ema, std::string_view where);

/// The VAE with current attention names: `query`, `key`, `value`, `proj_attn` of older diffusers become
/// `to_q`, `to_k`, `to_v`, `to_out.0`, and attention weights stored as 1x1 convolutions become matrices.
StateDict modernize_vae(const StateDict& vae, std::string_view where);

}  // namespace hra

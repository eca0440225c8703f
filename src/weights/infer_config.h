// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Configs of the components of a single-file checkpoint, from the shapes of its tensors (diffusers' names)
// and, where shapes do not tell, the values of Stable Diffusion v1.5.
#pragma once

#include <string_view>

#include "core/json.h"
#include "weights/state_dict.h"

namespace hra {

/// In the spelling of diffusers' and transformers' config.json. `known` holds keys that are told, not
/// inferred: they replace what is inferred. Throw Error("[where] ...") when a tensor that tells something is
/// missing, and for models whose configs would be a guess: Stable Diffusion 2 (its heads), odd text encoders
/// (their heads).
Json infer_unet_config(const StateDict& unet, const Json& known, std::string_view where);
Json infer_vae_config(const StateDict& vae, const Json& known, std::string_view where);
Json infer_text_config(const StateDict& text_encoder, const Json& known, std::string_view where);

/// The noise schedule and sampler of Stable Diffusion v1.5.
Json default_scheduler_config();

}  // namespace hra

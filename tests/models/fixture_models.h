// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The models of the fixture folders, loaded with their weights.
#pragma once

#include <string>
#include <vector>

#include "core/json.h"
#include "models/autoencoder_kl.h"
#include "models/clip_text_model.h"
#include "models/unet_2d_condition.h"
#include "support/fixtures.h"
#include "support/modules.h"

namespace hra::test {

/// The folders below the fixture root (relative to it) whose config.json names this class.
std::vector<std::string> model_folders(const std::string& class_name);

/// A checkpoint's tensors under today's names, without the position_ids buffer of old text encoders.
StateDict checkpoint(const std::string& folder);

template <class Model, class Config>
Model load_model(const std::string& folder) {
    const auto path = fixture(folder) / "config.json";
    Model model(Config::from_json(read_json(path), path.string()));
    load_parameters(*model, checkpoint(folder));
    return model;
}

inline UNet2DConditionModel load_unet(const std::string& folder) {
    return load_model<UNet2DConditionModel, UNet2DConditionConfig>(folder);
}
inline AutoencoderKL load_vae(const std::string& folder) {
    return load_model<AutoencoderKL, AutoencoderKLConfig>(folder);
}
inline CLIPTextModel load_text_model(const std::string& folder) {
    return load_model<CLIPTextModel, CLIPTextConfig>(folder);
}

}  // namespace hra::test

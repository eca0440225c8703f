// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The options of the schedulers' scheduler_config.json files, with each class's own defaults (diffusers:
// configuration_utils.py from_config and the constructors in schedulers/).
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"

namespace hra {

/// What the model's output is: the noise, the clean sample, or v = sqrt(abar) noise - sqrt(1 - abar) sample.
enum class PredictionType { epsilon, sample, v_prediction };

enum class TimestepSpacing { leading, linspace, trailing };

/// Every option that one of the classes reads, named as in the file. A class ignores the others'.
struct SchedulerConfig {
    std::string class_name;

    // All classes.
    std::int64_t num_train_timesteps = 1000;
    double beta_start = 0.0001;
    double beta_end = 0.02;
    std::string beta_schedule = "linear";  // scaled_linear, squaredcos_cap_v2
    std::vector<double> trained_betas;     // used instead of the three above when not empty
    PredictionType prediction_type = PredictionType::epsilon;
    TimestepSpacing timestep_spacing = TimestepSpacing::linspace;
    std::int64_t steps_offset = 0;        // added by leading spacing
    bool rescale_betas_zero_snr = false;  // not Heun, LMS, PNDM

    // The predicted clean sample.
    bool clip_sample = false;
    double clip_sample_range = 1;
    bool thresholding = false;  // dynamic thresholding, arXiv 2205.11487
    double dynamic_thresholding_ratio = 0.995;
    double sample_max_value = 1;

    // DDPM.
    std::string variance_type = "fixed_small";  // fixed_small_log, fixed_large
    // DDIM, PNDM.
    bool set_alpha_to_one = true;  // the signal level after the last step: 1, or that of timestep 0
    bool skip_prk_steps = false;   // PNDM without its Runge-Kutta start

    // The classes with sigmas.
    bool use_karras_sigmas = false;
    std::string final_sigmas_type = "zero";      // sigma_min; Euler, DPM-Solver, UniPC
    std::string interpolation_type = "linear";   // log_linear; Euler
    std::optional<double> sigma_min, sigma_max;  // of the Karras sigmas; Euler

    // DPM-Solver and UniPC.
    std::int64_t solver_order = 2;
    std::string algorithm_type = "dpmsolver++";  // dpmsolver, sde-dpmsolver, sde-dpmsolver++
    std::string solver_type;                     // midpoint, heun; UniPC: bh1, bh2
    bool lower_order_final = true;
    bool euler_at_final = false;
    bool use_lu_lambdas = false;
    double lambda_min_clipped = -std::numeric_limits<double>::infinity();
    bool predict_x0 = true;
    std::vector<std::int64_t> disable_corrector;
};

/// The options of `class_name` in a file's JSON: an absent or null option takes that class's default, unknown
/// keys are other classes'. Throws Error("[scheduler] ...") on wrong types and on values that the class does
/// not know, listing the known ones.
SchedulerConfig scheduler_config(const std::string& class_name, const Json& json);

}  // namespace hra

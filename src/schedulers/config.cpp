// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "schedulers/config.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"

namespace hra {
namespace {

constexpr const char* where = "scheduler";

constexpr std::int64_t max_train_timesteps = 100'000;  // beyond any model's; bounds memory on a bad file

std::string listed(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

void check_known(const char* key, const std::string& value, const std::vector<std::string>& known) {
    if (std::find(known.begin(), known.end(), value) == known.end())
        fail(where, "wanted ", key, " to be one of ", listed(known), ", got \"", value, '"');
}

template <class Enum>
Enum enum_value(const Json& json, const char* key, const std::map<std::string, Enum>& values, Enum fallback) {
    const auto word = json_value<std::string>(json, key, std::string(), where);
    if (word.empty()) return fallback;
    std::vector<std::string> known;
    for (const auto& [name, value] : values) known.push_back(name);
    check_known(key, word, known);
    return values.at(word);
}

std::optional<double> optional_number(const Json& json, const char* key) {
    const auto value = json_value<double>(json, key, std::nan(""), where);
    return std::isnan(value) ? std::nullopt : std::optional(value);
}

/// The constructors' defaults where they differ from the struct's.
SchedulerConfig class_defaults(const std::string& class_name) {
    SchedulerConfig c;
    c.class_name = class_name;
    if (class_name == "DDPMScheduler" || class_name == "DDIMScheduler" || class_name == "PNDMScheduler")
        c.timestep_spacing = TimestepSpacing::leading;
    if (class_name == "DDPMScheduler" || class_name == "DDIMScheduler") c.clip_sample = true;
    if (class_name == "PNDMScheduler") c.set_alpha_to_one = false;
    if (class_name == "HeunDiscreteScheduler") {
        c.beta_start = 0.00085;
        c.beta_end = 0.012;
    }
    if (class_name == "DPMSolverMultistepScheduler") c.solver_type = "midpoint";
    if (class_name == "UniPCMultistepScheduler") c.solver_type = "bh2";
    return c;
}

void read_options(const Json& json, SchedulerConfig& c) {
    const auto read = [&json](const char* key, auto& value) { value = json_value(json, key, value, where); };
    read("num_train_timesteps", c.num_train_timesteps);
    read("beta_start", c.beta_start);
    read("beta_end", c.beta_end);
    read("beta_schedule", c.beta_schedule);
    read("trained_betas", c.trained_betas);
    read("steps_offset", c.steps_offset);
    read("rescale_betas_zero_snr", c.rescale_betas_zero_snr);
    read("clip_sample", c.clip_sample);
    read("clip_sample_range", c.clip_sample_range);
    read("thresholding", c.thresholding);
    read("dynamic_thresholding_ratio", c.dynamic_thresholding_ratio);
    read("sample_max_value", c.sample_max_value);
    read("variance_type", c.variance_type);
    read("set_alpha_to_one", c.set_alpha_to_one);
    read("skip_prk_steps", c.skip_prk_steps);
    read("use_karras_sigmas", c.use_karras_sigmas);
    read("final_sigmas_type", c.final_sigmas_type);
    read("interpolation_type", c.interpolation_type);
    read("solver_order", c.solver_order);
    read("algorithm_type", c.algorithm_type);
    read("solver_type", c.solver_type);
    read("lower_order_final", c.lower_order_final);
    read("euler_at_final", c.euler_at_final);
    read("use_lu_lambdas", c.use_lu_lambdas);
    read("lambda_min_clipped", c.lambda_min_clipped);
    read("predict_x0", c.predict_x0);
    read("disable_corrector", c.disable_corrector);
    c.sigma_min = optional_number(json, "sigma_min");
    c.sigma_max = optional_number(json, "sigma_max");
    c.prediction_type = enum_value<PredictionType>(json, "prediction_type",
                                                   {{"epsilon", PredictionType::epsilon},
                                                    {"sample", PredictionType::sample},
                                                    {"v_prediction", PredictionType::v_prediction}},
                                                   c.prediction_type);
    c.timestep_spacing = enum_value<TimestepSpacing>(json, "timestep_spacing",
                                                     {{"leading", TimestepSpacing::leading},
                                                      {"linspace", TimestepSpacing::linspace},
                                                      {"trailing", TimestepSpacing::trailing}},
                                                     c.timestep_spacing);
}

/// Options that change the numbers but that no Stable Diffusion 1.x model uses are refused, never ignored.
void refuse_unsupported(const Json& json, const SchedulerConfig& c) {
    for (const char* key : {"use_exponential_sigmas", "use_beta_sigmas", "use_flow_sigmas"})
        check(!json_value<bool>(json, key, false, where), where, "wanted ", key, " to be false, got true");
    check(!json.contains("solver_p") || json.at("solver_p").is_null() ||
              c.class_name != "UniPCMultistepScheduler",
          where, "wanted no solver_p, got one");
    if (c.class_name == "EulerDiscreteScheduler")
        check_known("timestep_type", json_value<std::string>(json, "timestep_type", "discrete", where),
                    {"discrete"});
}

void check_ranges(const SchedulerConfig& c) {
    check(c.num_train_timesteps >= 1 && c.num_train_timesteps <= max_train_timesteps, where,
          "wanted num_train_timesteps from 1 to ", max_train_timesteps, ", got ", c.num_train_timesteps);
    check_known("beta_schedule", c.beta_schedule, {"linear", "scaled_linear", "squaredcos_cap_v2"});
    check(c.beta_start > 0 && c.beta_start < 1, where, "wanted beta_start between 0 and 1, got ",
          c.beta_start);
    check(c.beta_end > 0 && c.beta_end < 1, where, "wanted beta_end between 0 and 1, got ", c.beta_end);
    check(c.trained_betas.empty() || std::ssize(c.trained_betas) == c.num_train_timesteps, where, "wanted ",
          c.num_train_timesteps, " trained_betas (num_train_timesteps), got ", c.trained_betas.size());
    check(
        std::all_of(c.trained_betas.begin(), c.trained_betas.end(), [](double b) { return b > 0 && b < 1; }),
        where, "wanted trained_betas between 0 and 1, got others");
    check(c.steps_offset >= 0 && c.steps_offset < c.num_train_timesteps, where,
          "wanted steps_offset from 0 to ", c.num_train_timesteps - 1, ", got ", c.steps_offset);
    check(c.clip_sample_range > 0, where, "wanted clip_sample_range above 0, got ", c.clip_sample_range);
    check(c.dynamic_thresholding_ratio >= 0 && c.dynamic_thresholding_ratio <= 1, where,
          "wanted dynamic_thresholding_ratio from 0 to 1, got ", c.dynamic_thresholding_ratio);
    check(c.sample_max_value > 0, where, "wanted sample_max_value above 0, got ", c.sample_max_value);
    check(c.sigma_min.value_or(1) > 0 && c.sigma_max.value_or(1) > 0, where,
          "wanted sigma_min and sigma_max above 0, got others");
    check_known("final_sigmas_type", c.final_sigmas_type, {"zero", "sigma_min"});
    check_known("interpolation_type", c.interpolation_type, {"linear", "log_linear"});
}

void check_dpm_solver(SchedulerConfig& c) {
    // The names that diffusers takes for its own when it switches from another class's file.
    if (c.algorithm_type == "deis") c.algorithm_type = "dpmsolver++";
    if (c.solver_type == "logrho" || c.solver_type == "bh1" || c.solver_type == "bh2")
        c.solver_type = "midpoint";
    check_known("algorithm_type", c.algorithm_type,
                {"dpmsolver", "dpmsolver++", "sde-dpmsolver", "sde-dpmsolver++"});
    check_known("solver_type", c.solver_type, {"midpoint", "heun"});
    check(c.algorithm_type.ends_with("++") || c.final_sigmas_type != "zero", where,
          "wanted final_sigmas_type \"sigma_min\" with algorithm_type \"", c.algorithm_type,
          "\", got \"zero\"");
    check(c.algorithm_type.starts_with("dpmsolver") || c.solver_order < 3, where,
          "wanted solver_order 1 or 2 with algorithm_type \"", c.algorithm_type, "\", got ", c.solver_order);
}

void check_unipc(SchedulerConfig& c) {
    if (c.solver_type == "midpoint" || c.solver_type == "heun" || c.solver_type == "logrho")
        c.solver_type = "bh2";
    check_known("solver_type", c.solver_type, {"bh1", "bh2"});
    // With a last sigma of 0 the step in log-SNR is infinite; only bh2 of order 1 has a limit there.
    const bool finite = c.final_sigmas_type == "sigma_min";
    check(finite || c.solver_type == "bh2", where,
          "wanted final_sigmas_type \"sigma_min\" with solver_type \"bh1\", got \"zero\"");
    check(finite || c.lower_order_final || c.solver_order == 1, where,
          "wanted final_sigmas_type \"sigma_min\" without lower_order_final, got \"zero\"");
    check(finite || c.predict_x0, where,
          "wanted final_sigmas_type \"sigma_min\" without predict_x0, got \"zero\"");
}
}  // namespace

SchedulerConfig scheduler_config(const std::string& class_name, const Json& json) {
    check(json.is_object(), where, "wanted a JSON object of options, got ", json.type_name());
    SchedulerConfig c = class_defaults(class_name);
    read_options(json, c);
    refuse_unsupported(json, c);
    check_ranges(c);
    if (class_name == "HeunDiscreteScheduler" || class_name == "LMSDiscreteScheduler" ||
        class_name == "PNDMScheduler")
        c.rescale_betas_zero_snr = false;  // these do not know the option
    if (class_name == "PNDMScheduler")
        check(c.prediction_type != PredictionType::sample, where,
              "wanted prediction_type epsilon or v_prediction for PNDMScheduler, got \"sample\"");
    if (class_name == "DDPMScheduler")
        check_known("variance_type", c.variance_type, {"fixed_small", "fixed_small_log", "fixed_large"});
    if (class_name == "DPMSolverMultistepScheduler" || class_name == "UniPCMultistepScheduler")
        check(c.solver_order >= 1 && c.solver_order <= 3, where, "wanted solver_order from 1 to 3, got ",
              c.solver_order);
    if (class_name == "DPMSolverMultistepScheduler") check_dpm_solver(c);
    if (class_name == "UniPCMultistepScheduler") check_unipc(c);
    return c;
}

}  // namespace hra

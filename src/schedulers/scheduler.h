// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The interface of all samplers: one loop runs each of them.
//
//   auto scheduler = make_scheduler("euler_a", config);
//   scheduler->set_timesteps(steps);
//   auto x = noise * scheduler->init_noise_sigma();
//   for (std::size_t i = 0; i < scheduler->calls(); ++i) {
//       auto out = unet(scheduler->scale_model_input(x, i), scheduler->timestep(i), ...);
//       x = scheduler->step(out, i, x, noise_source).prev_sample;
//   }
//
// Image to image starts at i = start_index(strength), from add_noise(latents, noise, i). Coefficients are
// computed on the host, and a step waits for no device. (diffusers: schedulers/)
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <torch/types.h>

#include "schedulers/config.h"
#include "schedulers/noise.h"
#include "schedulers/noise_schedule.h"

namespace hra {

struct StepOptions {
    double eta = 0;  // DDIM: 0 is deterministic, 1 as noisy as DDPM
};

struct StepResult {
    torch::Tensor prev_sample;  // the input of the next call
    torch::Tensor
        pred_original_sample;  // the clean sample as predicted now; undefined where a class has none
};

class Scheduler {
public:
    explicit Scheduler(SchedulerConfig config);
    virtual ~Scheduler() = default;
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;

    const SchedulerConfig& config() const { return config_; }
    const NoiseSchedule& noise_schedule() const { return noise_schedule_; }

    /// Computes the tables for a run of `steps` steps and forgets the history of the run before. Throws Error
    /// when the class cannot take that many (or that few) steps.
    void set_timesteps(std::int64_t steps);

    /// What the model is told, one for each call: CPU, int64, float32 or float64 (fractional) as the class
    /// keeps them. Heun calls the model 2 steps - 1 times, PNDM steps + 1 times (more with its Runge-Kutta
    /// start).
    const torch::Tensor& timesteps() const { return timesteps_; }
    std::size_t calls() const { return host_timesteps_.size(); }
    double timestep(std::size_t i) const { return host_timesteps_.at(i); }

    /// The noise levels, calls() + 1 of them; empty for the classes that work with abar.
    const std::vector<float>& sigmas() const { return sigmas_; }

    /// By what to multiply standard normal noise for the first input.
    virtual double init_noise_sigma() const { return 1; }

    /// The model's input for call i.
    virtual torch::Tensor scale_model_input(const torch::Tensor& sample, std::size_t i) const;

    /// One step from timestep i: model_output and sample [B, ...] of equal shapes -> the next sample, in the
    /// sample's dtype; float32 inside for half precision. Stochastic samplers draw from `noise`. Throws Error
    /// when a class that keeps history is not called in order, or when noise is needed and there is none.
    StepResult step(const torch::Tensor& model_output, std::size_t i, const torch::Tensor& sample,
                    const NoiseFunction& noise = {}, const StepOptions& options = {});

    /// The clean sample with the noise of call i, for image to image. In the sample's dtype.
    torch::Tensor add_noise(const torch::Tensor& sample, const torch::Tensor& noise, std::size_t i) const;

    /// Where image to image starts: the last strength * steps steps are run, at most calls(). strength from 0
    /// to
    /// 1. (diffusers: StableDiffusionImg2ImgPipeline.get_timesteps)
    std::size_t start_index(double strength) const;

protected:
    struct Tables {
        torch::Tensor timesteps;
        std::vector<float> sigmas;
    };
    struct Level {  // sample * signal + noise * noise
        double signal, noise;
    };
    struct StepInput {  // float32 or float64
        torch::Tensor model_output;
        std::size_t i;
        torch::Tensor sample;
        const NoiseFunction& noise_function;
        const StepOptions& options;

        /// The next noise, like the sample.
        torch::Tensor noise() const;
    };

    virtual Tables make_tables(std::int64_t steps) const = 0;
    virtual StepResult do_step(const StepInput& in) = 0;
    virtual Level level(std::size_t i) const;
    virtual bool keeps_history() const { return false; }
    virtual void reset_history() {}
    virtual std::size_t order() const { return 1; }
    virtual bool fractional_timesteps() const { return false; }

    std::int64_t steps() const { return steps_; }
    double sigma(std::size_t i) const { return sigmas_.at(i); }
    std::int64_t whole_timestep(std::size_t i) const {
        return static_cast<std::int64_t>(host_timesteps_.at(i));
    }

private:
    SchedulerConfig config_;
    NoiseSchedule noise_schedule_;
    std::int64_t steps_ = 0;
    torch::Tensor timesteps_;
    std::vector<double> host_timesteps_;
    std::vector<float> sigmas_;
    std::optional<std::size_t> next_call_;
};

/// A sampler by its name (schedulers/names.h) or diffusers class, over a model's scheduler config. An empty
/// name takes the config's own _class_name. Throws Error on unknown names and bad options.
std::unique_ptr<Scheduler> make_scheduler(const std::string& name_or_class, const Json& config);

}  // namespace hra

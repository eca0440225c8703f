// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "schedulers/names.h"

#include "core/error.h"
#include "core/options.h"

namespace hra {

const std::vector<SamplerName>& samplers() {
    static const Json none = Json::object();
    static const Json karras = {{"use_karras_sigmas", true}};
    static const Json plain = {{"use_karras_sigmas", false}, {"algorithm_type", "dpmsolver++"}};
    static const Json sde = {{"use_karras_sigmas", false}, {"algorithm_type", "sde-dpmsolver++"}};
    static const Json plain_karras = {{"use_karras_sigmas", true}, {"algorithm_type", "dpmsolver++"}};
    static const Json sde_karras = {{"use_karras_sigmas", true}, {"algorithm_type", "sde-dpmsolver++"}};
    static const std::vector<SamplerName> list = {
        {"ddim", "DDIMScheduler", none},
        {"ddpm", "DDPMScheduler", none},
        {"pndm", "PNDMScheduler", none},
        {"euler", "EulerDiscreteScheduler", none},
        {"euler_karras", "EulerDiscreteScheduler", karras},
        {"euler_a", "EulerAncestralDiscreteScheduler", none},
        {"heun", "HeunDiscreteScheduler", none},
        {"heun_karras", "HeunDiscreteScheduler", karras},
        {"lms", "LMSDiscreteScheduler", none},
        {"lms_karras", "LMSDiscreteScheduler", karras},
        {"dpmpp_2m", "DPMSolverMultistepScheduler", plain},
        {"dpmpp_2m_karras", "DPMSolverMultistepScheduler", plain_karras},
        {"dpmpp_2m_sde", "DPMSolverMultistepScheduler", sde},
        {"dpmpp_2m_sde_karras", "DPMSolverMultistepScheduler", sde_karras},
        {"unipc", "UniPCMultistepScheduler", none},
        {"unipc_karras", "UniPCMultistepScheduler", karras},
    };
    return list;
}

std::vector<std::string> sampler_names() {
    std::vector<std::string> names;
    for (const auto& sampler : samplers()) names.push_back(sampler.name);
    return names;
}

SamplerName find_sampler(std::string_view name_or_class) {
    std::string list;
    auto candidates = sampler_names();
    for (const auto& name : candidates) list += (list.empty() ? "" : ", ") + name;
    for (const auto& sampler : samplers()) {
        if (sampler.name == name_or_class) return sampler;
        if (sampler.class_name == name_or_class)
            return {sampler.class_name, sampler.class_name, Json::object()};
        candidates.push_back(sampler.class_name);
    }
    const std::string near = nearest_name(name_or_class, candidates);
    fail("scheduler", "wanted one of ", list, ", got \"", name_or_class, '"',
         near.empty() ? std::string() : " (did you mean \"" + near + "\"?)");
}

}  // namespace hra

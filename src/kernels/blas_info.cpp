// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "kernels/blas_info.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

#include <dlfcn.h>
#include <sched.h>

#include <ATen/Context.h>
#include <ATen/Parallel.h>

namespace hra {
namespace {

int64_t usable_processors() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    return std::max(1, CPU_COUNT(&set));
}

}  // namespace

namespace detail {

BlasInfo blas_from_maps(const std::string& maps, bool has_mkl) {
    if (has_mkl) return {"MKL", "", false};
    // A wrapper libblas.so.3 of a fast library lies in a folder with that library's name, so the fast names
    // are looked for first, in the whole path.
    constexpr std::array<std::pair<std::string_view, std::string_view>, 5> known{
        {{"openblas", "OpenBLAS"},
         {"libmkl", "MKL"},
         {"blis", "BLIS"},
         {"atlas", "ATLAS"},
         {"libblas.so", "reference BLAS"}}};
    for (const auto& [part, name] : known) {
        std::istringstream lines(maps);
        for (std::string line; std::getline(lines, line);) {
            const auto slash = line.find('/');
            if (slash == std::string::npos || line.find(part, slash) == std::string::npos) continue;
            return {std::string(name), line.substr(slash), name == "reference BLAS"};
        }
    }
    return {"unknown", "", false};
}

}  // namespace detail

BlasInfo blas_info() {
    std::ifstream file("/proc/self/maps");
    std::ostringstream maps;
    maps << file.rdbuf();
    return detail::blas_from_maps(maps.str(), at::hasMKL());
}

int64_t set_threads(int64_t count) {
    const auto threads = static_cast<int>(count > 0 ? count : usable_processors());
    at::set_num_threads(threads);
    // OpenBLAS built on its own threads does not follow OpenMP's setting.
    if (void* symbol = dlsym(RTLD_DEFAULT, "openblas_set_num_threads")) {
        reinterpret_cast<void (*)(int)>(symbol)(threads);
    }
    return threads;
}

}  // namespace hra

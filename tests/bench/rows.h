// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The benchmark's rows: full-size SD v1.5 work on random weights.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <torch/types.h>

#include "bench/work.h"

namespace hra::bench {

/// Where and on what to measure.
struct Setting {
    torch::Device device;
    std::string scratch;  // folder for model files that the load rows write once
};

struct Measurement {
    double seconds = 0;
    Work work;  // zero where time is all there is to say
};

struct Row {
    std::string name;
    torch::ScalarType dtype;
    std::function<Measurement(const Setting&)> run;
};

/// All rows, in the order in which they are printed.
std::vector<Row> all_rows();

}  // namespace hra::bench

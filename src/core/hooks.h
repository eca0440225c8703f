// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// What a pipeline tells its caller while it works, and how the caller stops it.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "core/error.h"
#include "core/image.h"

namespace hra {

/// A point in a run. Steps count over the whole run, so that step / steps is the fraction done.
struct Progress {
    std::string stage;  // "load", "sample", "decode"
    int step = 0;       // finished steps
    int steps = 0;      // of how many
};

/// All optional. Called from the thread that runs the pipeline.
struct Hooks {
    std::function<void(const Progress&)> on_progress;
    /// A finished picture and the file it was written to.
    std::function<void(const std::string& path, const Image&)> on_image;
    /// A small picture of the unfinished latents after a step; index counts the images of the run.
    std::function<void(int index, const Image&)> on_preview;
    std::stop_token stop;

    void progress(const Progress& p) const {
        if (on_progress) on_progress(p);
    }
    /// Throws Cancelled when the caller has asked to stop. Pipelines call this at least once a step.
    void throw_if_stopped() const {
        if (stop.stop_requested()) throw Cancelled();
    }
};

}  // namespace hra

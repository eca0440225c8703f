#!/usr/bin/env bash
# SPDX-FileCopyrightText: The hra authors
# SPDX-License-Identifier: Apache-2.0
# Builds the libFuzzer targets and runs each for SECONDS on the golden format files. Needs clang.
# New inputs stay in build/fuzz/corpus, crashes in build/fuzz/crashes. Usage: scripts/fuzz.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
targets=(json safetensors torch_checkpoint)

cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --parallel "${JOBS:-$(nproc)}" --target "${targets[@]/#/hra_fuzz_}"
mkdir -p build/fuzz/crashes
for target in "${targets[@]}"; do
    mkdir -p "build/fuzz/corpus/$target"
    echo "== $target: $seconds s"
    # Leaks of torch's own start-up are not ours to find; memory is limited instead.
    ASAN_OPTIONS=detect_leaks=0 "build/fuzz/bin/hra_fuzz_$target" \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -malloc_limit_mb=1024 -max_len=200000 \
        -artifact_prefix="build/fuzz/crashes/$target-" -verbosity=0 -print_final_stats=1 \
        "build/fuzz/corpus/$target" tests/golden/formats/good tests/golden/formats/bad
done

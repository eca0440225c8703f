#!/usr/bin/env bash
# build.sh [PRESET] [TARGET...]: sets up, configures and builds (preset release and everything by default).
# Warnings are errors, so that users and tests share one build; HRA_WERROR=OFF scripts/build.sh for other compilers.
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${1:-release}
[ $# -eq 0 ] || shift
targets=()
[ $# -eq 0 ] || targets=(--target "$@")

scripts/setup.sh

# A compiler that reads LibTorch's headers takes up to 2 GB.
cores=$(nproc)
fitting=$(awk '/MemAvailable/ { print int($2 / 2097152) }' /proc/meminfo)
jobs=$((fitting < 1 ? 1 : fitting < cores ? fitting : cores))

cmake --preset "$preset" -DHRA_WERROR="${HRA_WERROR:-ON}"
cmake --build --preset "$preset" --parallel "$jobs" ${targets[@]+"${targets[@]}"}

#!/usr/bin/env bash
# demo.sh [MODEL]: builds the program and makes a picture. MODEL is a diffusers folder or a .safetensors/.ckpt file.
set -euo pipefail
cd "$(dirname "$0")/.."

model=${1:-}
scripts/build.sh release hra_cli

options=()
if [ -z "$model" ]; then
    model=tests/golden/pipeline
    options=(--width 64 --height 64)
    echo
    echo "demo: no model given: using the tests' tiny one, whose weights are random numbers. It shows that the program"
    echo "      works, in 64x64 pixels of coloured noise. For pictures: scripts/demo.sh /path/to/stable-diffusion-v1-5"
fi

out=outputs/demo
set -x
build/release/bin/hra generate --model "$model" --prompt "a photograph of an astronaut riding a horse" \
    --steps 20 --seed 42 --scheduler dpmpp_2m --output_dir "$out" ${options[@]+"${options[@]}"}
{ set +x; } 2>/dev/null

newest=$(find "$out" -name '*.png' -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2-)
if [ -z "$newest" ]; then
    echo "demo: no picture in $out" >&2
    exit 1
fi
echo "demo: the picture is $PWD/$newest"

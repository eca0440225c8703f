#!/usr/bin/env bash
# Installs what a build needs (Debian 12 and 13, Ubuntu). Running it again does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

# The package list of the project. Nothing else names packages.
packages=(g++ cmake ninja-build ccache pkg-config git python3
    libtorch-dev libopenblas0-pthread libopenblas-dev
    nlohmann-json3-dev libcli11-dev libstb-dev libicu-dev libturbojpeg0-dev zlib1g-dev
    libgtest-dev libgmock-dev)
# For fuzzing and the format check. Not every release has them under these names; the tests say what they leave out.
extra_packages=(clang libclang-rt-dev clang-format-14)

changed=no

can_be_root() { [ "$(id -u)" = 0 ] || command -v sudo >/dev/null; }

as_root() {
    changed=yes
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "setup: please run this as root: $*" >&2
        exit 1
    fi
}

installed() { dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^ii'; }

# Without apt, a trial configuration is the judge of what is there.
check_other_system() {
    local trial
    trial=$(mktemp -d)
    if cmake -S . -B "$trial" -G Ninja >"$trial/log" 2>&1; then
        rm -rf "$trial"
        echo "setup: no apt here, but everything that a build needs was found: nothing to do"
        return
    fi
    grep -A 8 -E 'CMake Error|Could NOT|not found' "$trial/log" >&2 || cat "$trial/log" >&2 || true
    rm -rf "$trial"
    cat >&2 <<'END'

setup: this system has no apt. Install by its own means, then run this script again:
  a C++20 compiler (GCC 12 or newer), CMake 3.25 or newer, Ninja, pkg-config, git, Python 3, ccache (optional)
  LibTorch 1.13 or newer   a system package, or https://pytorch.org; then export CMAKE_PREFIX_PATH=/path/to/libtorch
  nlohmann-json, CLI11, stb headers, ICU, libjpeg-turbo, zlib, GoogleTest
END
    exit 1
}

install_packages() {
    local package missing=() missing_extra=()
    for package in "${packages[@]}"; do installed "$package" || missing+=("$package"); done
    for package in "${extra_packages[@]}"; do installed "$package" || missing_extra+=("$package"); done
    if [ ${#missing[@]} -gt 0 ]; then
        echo "setup: installing ${missing[*]}"
        as_root apt-get update -q
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
    fi
    local available=()
    if [ ${#missing_extra[@]} -gt 0 ] && can_be_root && ! apt-cache show cmake >/dev/null 2>&1; then
        as_root apt-get update -q
    fi
    for package in "${missing_extra[@]}"; do
        if [ -n "$(apt-cache --names-only search "^$package\$" 2>/dev/null)" ]; then
            available+=("$package")
        else
            echo "setup: this release has no package $package; what needs it is left out"
        fi
    done
    if [ ${#available[@]} -gt 0 ] && ! can_be_root; then
        echo "setup: left out, since only root can install it: ${available[*]}"
    elif [ ${#available[@]} -gt 0 ]; then
        echo "setup: installing ${available[*]}"
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${available[@]}"
    fi
}

# LibTorch multiplies with whatever libblas.so.3 is; the reference BLAS is many times slower than OpenBLAS.
select_openblas() {
    local name current wanted
    name=libblas.so.3-$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -dumpmachine)
    current=$(update-alternatives --query "$name" 2>/dev/null | sed -n 's/^Value: //p')
    case $current in
        "" | *openblas*) return ;;
        */blas/libblas.so.3) ;;
        *)
            echo "setup: $name is $current; left as it is (OpenBLAS: update-alternatives --config $name)"
            return
            ;;
    esac
    wanted=$(update-alternatives --list "$name" | grep openblas-pthread | head -n 1 || true)
    if [ -z "$wanted" ]; then
        echo "setup: $name is the slow reference BLAS and OpenBLAS is not among its alternatives;" \
            "install libopenblas0-pthread" >&2
        exit 1
    fi
    echo "setup: switching $name from the reference BLAS to OpenBLAS"
    as_root update-alternatives --set "$name" "$wanted"
}

if command -v apt-get >/dev/null; then
    install_packages
    select_openblas
    [ "$changed" = yes ] || echo "setup: nothing to do"
else
    check_other_system
fi

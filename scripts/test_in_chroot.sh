#!/usr/bin/env bash
# test_in_chroot.sh SUITE [FIXTURES]: the README's two commands as a newcomer meets them: a bare Debian SUITE (bookworm
# or trixie) and a fresh clone of HEAD. FIXTURES: a folder that appears as ../shared/fixtures beside the clone.
# HRA_CHROOTS: where bare systems are kept (default /var/tmp/hra-chroots). KEEP=1 leaves the used system in place.
# Needs root and debootstrap.
set -euo pipefail
cd "$(dirname "$0")/.."

suite=${1:?usage: test_in_chroot.sh SUITE [FIXTURES]}
fixtures=${2:-}
chroots=$(realpath -m "${HRA_CHROOTS:-/var/tmp/hra-chroots}")
base=$chroots/$suite
system=$chroots/$suite-run-$$
[ "$(id -u)" = 0 ] || { echo "test_in_chroot: needs root" >&2; exit 1; }

# Processes and mounts go before files: the folder is removed only when nothing is mounted below it.
clean_up() {
    local process
    for process in /proc/[0-9]*; do
        [ "$(readlink "$process/root")" != "$system" ] || kill -KILL "${process#/proc/}" || true
    done
    awk -v root="$system/" 'index($2, root) == 1 { print $2 }' /proc/mounts | sort -r |
        while read -r point; do umount "$point" || umount --lazy "$point"; done
    if grep -q " $system/" /proc/mounts; then
        echo "test_in_chroot: something is still mounted under $system; left in place" >&2
    elif [ "${KEEP:-}" = 1 ]; then
        echo "test_in_chroot: kept $system"
    else
        rm -rf --one-file-system "$system"
    fi
}

if [ ! -e "$base/etc/debian_version" ]; then
    mkdir -p "$chroots"
    rm -rf "$base.new"
    debootstrap --variant=minbase "$suite" "$base.new" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}"
    mv "$base.new" "$base"
fi

trap clean_up EXIT
trap 'exit 130' INT TERM
cp -a "$base" "$system"

# The host's way to the network.
cp -L /etc/resolv.conf "$system/etc/resolv.conf"
grep -rhE '^[[:space:]]*Acquire::[a-zA-Z:]*[Pp]roxy' /etc/apt/apt.conf.d /etc/apt/apt.conf 2>/dev/null \
    >"$system/etc/apt/apt.conf.d/99host-proxy" || true

mount -t proc proc "$system/proc"
mount --bind /sys "$system/sys"
mkdir -p "$system/dev/shm"
mount -t tmpfs -o mode=1777 tmpfs "$system/dev/shm"
for device in null zero full random urandom tty; do
    [ -e "$system/dev/$device" ] || { touch "$system/dev/$device" && mount --bind "/dev/$device" "$system/dev/$device"; }
done

git clone --quiet --no-local --depth 1 "file://$PWD" "$system/home/hra"
if [ -n "$fixtures" ]; then
    mkdir -p "$system/home/shared/fixtures"
    mount --bind "$fixtures" "$system/home/shared/fixtures"
    mount -o remount,bind,ro "$system/home/shared/fixtures"
fi

# In the background, since a shell that waits for a foreground program is deaf to signals.
in_system() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8 \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
        chroot "$system" /bin/bash -c "cd /home/hra && $1" </dev/null &
    wait $!
}

echo "test_in_chroot: $suite, $(git rev-parse --short HEAD)"
status=0
for command in scripts/demo.sh scripts/test.sh; do
    result=passed
    in_system "$command" || { result=failed && status=1; }
    echo "test_in_chroot: $suite: $command $result after $SECONDS s"
done
[ "$status" = 0 ]

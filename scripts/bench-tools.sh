#!/usr/bin/env bash
# Makes sure that the programs that `make bench` compares with are there: installs them as root, names them otherwise.
set -euo pipefail

missing=()
for tool in nginx haproxy wrk; do
    PATH=$PATH:/usr/sbin:/usr/local/sbin command -v "$tool" >/dev/null || missing+=("$tool")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "bench: installing ${missing[*]}"
    # RUNLEVEL=1 keeps the packages from starting their daemons: the benchmark starts its own.
    export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null && exit 0
    echo "bench: apt-get could not install ${missing[*]}" >&2
    exit 1
fi
echo "bench: missing: ${missing[*]}" >&2
echo "       Debian, Ubuntu: sudo apt install ${missing[*]}" >&2
exit 1

#!/usr/bin/env bash
# Prints where promtool is: the one of the PATH, else that of Debian's package, which is unpacked into .tools.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v promtool && exit 0
tool=$PWD/.tools/prometheus/usr/bin/promtool
if [ ! -x "$tool" ]; then
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
        echo "promtool is missing: install Prometheus (Debian, Ubuntu: sudo apt install prometheus)" >&2
        exit 1
    }
    echo "unpacking promtool into .tools" >&2
    mkdir -p .tools/prometheus
    (cd .tools/prometheus && apt-get download -qq prometheus >&2 && dpkg-deb -x prometheus_*.deb . && rm prometheus_*.deb)
fi
echo "$tool"

#!/usr/bin/env bash
# Compares the service binary with the recorded answers, section by section. conformance.sh RECORDINGS SECTIONS BINARY
set -euo pipefail
cd "$(dirname "$0")/.."
recordings=$1 sections=$2 binary=$3

if [ ! -d "$recordings" ]; then
    echo "conformance: SKIPPED: the folder $recordings with the recordings is absent" >&2
    exit 0
fi
cargo build --workspace --bins
"$recordings/check.py" --service "$binary" --only "$sections"

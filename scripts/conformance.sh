#!/usr/bin/env bash
# Compares the service binary with the recorded answers, and the differences with the list of those that are meant.
# conformance.sh RECORDINGS SECTIONS BINARY [ENGINE]; no sections mean all of them. ENGINE: sqlite, or postgres for a
# throw-away server.
set -euo pipefail
cd "$(dirname "$0")/.."
recordings=$1 sections=$2 binary=$3 engine=${4:-sqlite}

if [ ! -d "$recordings" ]; then
    echo "conformance: SKIPPED: the folder $recordings with the recordings is absent;" \
        "put it there, or say where it is: make conformance CONFORMANCE=FOLDER" >&2
    exit 0
fi
cargo build --workspace --bins

# The recordings were made on a machine whose systemd does not run. A stand-in says so wherever this is run, and keeps the
# service's hands off the units of this machine.
stand_in=$(mktemp -d)
trap 'rm -rf "$stand_in"' EXIT
printf '#!/bin/sh\n[ "$1" = is-active ] && echo inactive\nexit 3\n' >"$stand_in/systemctl"
chmod +x "$stand_in/systemctl"
export PATH="$stand_in:$PATH" UNIT_DIRECTORY="$stand_in"

if [ "$engine" = postgres ]; then
    echo "conformance: on PostgreSQL"
    coproc SERVER { exec "$(dirname "$binary")/throwaway-postgres"; }
    read -r url <&"${SERVER[0]}"
    .tools/venv/bin/python tests/ledger/on_postgres.py "$recordings" "$binary" "$url" "$sections"
else
    .tools/venv/bin/python tests/ledger "$recordings" "$binary" "$sections"
fi

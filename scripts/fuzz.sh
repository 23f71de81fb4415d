#!/usr/bin/env bash
# Compares a million pairs of bodies that libFuzzer makes up, or as many as the first argument says; see
# proxy/compare/src/tests/oracle.rs. Installs cargo-fuzz into .tools if it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly RUNS=${1:-1000000}
readonly TOOLS=$PWD/.tools/cargo
export PATH=$TOOLS/bin:$PATH

command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --locked --quiet --root "$TOOLS"
cd proxy/compare/fuzz
mkdir -p corpus/compare
# Coverage needs options that the stable compiler hides. All of it is safe Rust, so no sanitizer watches memory.
RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir . --sanitizer none compare corpus/compare seeds -- \
    -runs="$RUNS" -max_len=1024 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1

#!/usr/bin/env bash
# Builds the three programs so that they run on any Linux of this machine's kind, without a library of its: with musl where the
# toolchain can (rustup target add x86_64-unknown-linux-musl; Debian: apt install musl-tools), else with a static glibc. Prints
# the folder they are in as its last line.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly PROGRAMS=(strangler-proxy agent-service migrate)
readonly TARGET=${CARGO_TARGET_DIR:-target}
# `dev` makes in a minute what shows whether the script works.
readonly PROFILE=${PROFILE:-release}

die() {
    printf 'static: %s\n' "$*" >&2
    exit 1
}

kind() {
    local machine
    machine=$(uname -m)
    if [ -d "$(rustc --print target-libdir --target "$machine-unknown-linux-musl" 2>/dev/null)" ] &&
        command -v musl-gcc >/dev/null; then
        echo "$machine-unknown-linux-musl"
    else
        echo "$machine-unknown-linux-gnu"
    fi
}

[ "$(uname -s)" = Linux ] || die "static programs are for Linux, this is $(uname -s)"
readonly KIND=$(kind)
readonly FOLDER=$TARGET/$KIND/$([ "$PROFILE" = dev ] && echo debug || echo "$PROFILE")
echo "static: building for $KIND" >&2
# With --target the flags are not for what runs during the build.
RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static" cargo build --profile "$PROFILE" --workspace \
    --target "$KIND" "${PROGRAMS[@]/#/--bin=}" >&2

for program in "${PROGRAMS[@]}"; do
    file=$FOLDER/$program
    if readelf --program-headers "$file" | grep -q INTERP; then
        die "$file wants a dynamic linker"
    fi
    echo "static: $("$file" --version | head -1), $(du -h "$file" | cut -f1)" >&2
done
echo "$FOLDER"

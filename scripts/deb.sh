#!/usr/bin/env bash
# Makes a Debian package of the three programs, static, with manual pages, completions, alerts and documents. Units are not in
# it: `migrate deploy render` makes them from the route table.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly CARGO_DEB=3.8.0
readonly TOOLS=$PWD/.tools/cargo-deb-$CARGO_DEB
readonly STAGED=target/package

if [ ! -x "$TOOLS/bin/cargo-deb" ]; then
    echo "deb: building cargo-deb $CARGO_DEB into ${TOOLS#"$PWD"/}" >&2
    cargo install --quiet --locked --root "$TOOLS" "cargo-deb@$CARGO_DEB"
fi

folder=$(scripts/static.sh | tail -1)
kind=$(basename "$(dirname "$folder")")
migrate=$folder/migrate

rm -rf "$STAGED"
mkdir -p "$STAGED"/{man,completions}
"$migrate" man --to "$STAGED/man"
"$migrate" completions bash >"$STAGED/completions/migrate.bash"
"$migrate" completions zsh >"$STAGED/completions/_migrate"
"$migrate" completions fish >"$STAGED/completions/migrate.fish"
for program in strangler-proxy agent-service migrate; do
    # Names of functions stay, for backtraces.
    strip --strip-debug -o "$STAGED/$program" "$folder/$program"
done

"$TOOLS/bin/cargo-deb" deb --quiet --package migrate-cli --no-build --target "$kind"

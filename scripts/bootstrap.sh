#!/usr/bin/env bash
# Finds what the build and the tests need, and puts what is missing into .tools/venv. Needs no root (with it, on
# Debian, it installs Chromium, PostgreSQL, nginx and HAProxy for the tests as well); fast when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly VENV=.tools/venv
readonly STAMP=$VENV/.installed
readonly REQUIREMENTS=(
    tests/monolith/requirements.txt tests/openapi/requirements.txt tests/scan/requirements.txt tests/fronts/requirements.txt
)
readonly MIN_PYTHON="3, 10"
readonly AXE=4.14.1

die() {
    printf 'bootstrap: %s\n' "$1" >&2
    shift
    for line in "$@"; do printf '           %s\n' "$line" >&2; done
    exit 1
}

check_compilers() {
    command -v cargo >/dev/null ||
        die "cargo was not found" "install Rust: https://rustup.rs, then open a new shell"
    local wanted found
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    found=$(cargo --version | cut -d' ' -f2)
    [ "$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -1)" = "$wanted" ] ||
        die "Rust $found is too old, $wanted or newer is needed" "run: rustup update stable"
    command -v cc >/dev/null ||
        die "no C compiler (cc) was found" "Debian, Ubuntu: apt install build-essential" \
            "Fedora: dnf install gcc gcc-c++ make"
}

# Prints the first Python that is new enough.
find_python() {
    local name
    for name in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do
        if "$name" -c "import sys; sys.exit(sys.version_info < ($MIN_PYTHON))" 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    die "no Python ${MIN_PYTHON/, /.} or newer was found" "Debian, Ubuntu: apt install python3 python3-venv"
}

has_browser() {
    command -v chromedriver >/dev/null && { command -v chromium || command -v google-chrome; } >/dev/null
}

# The browser that the dashboard is tested in.
install_browser() {
    local packages=(chromium chromium-driver)
    if has_browser; then return; fi
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "bootstrap: installing ${packages[*]} for the tests"
        export DEBIAN_FRONTEND=noninteractive
        local get=(apt-get install -y --no-install-recommends "${packages[@]}")
        { "${get[@]}" || { apt-get update && "${get[@]}"; }; } >.tools/browser.log 2>&1 || true
        if has_browser; then return; fi
    fi
    # Nothing but some tests needs it.
    printf '%s\n' "bootstrap: Chromium with chromedriver is missing: the tests of the dashboard will fail" \
        "           Debian: apt install ${packages[*]}; Fedora: dnf install chromium chromedriver" >&2
}

# What finds faults of accessibility in a page, for the tests of the dashboard; never shipped.
fetch_axe() {
    local folder=.tools/axe/$AXE
    if [ -e "$folder/package/axe.min.js" ]; then return; fi
    echo "bootstrap: fetching axe-core $AXE into $folder"
    mkdir -p "$folder"
    if command -v npm >/dev/null &&
        npm pack --silent --pack-destination "$folder" "axe-core@$AXE" >/dev/null &&
        tar -xzf "$folder/axe-core-$AXE.tgz" -C "$folder" package/axe.min.js package/LICENSE; then
        return
    fi
    printf '%s\n' "bootstrap: axe-core $AXE could not be fetched: the tests of the dashboard will fail" \
        "           they need npm (Debian: apt install npm) and a package registry that it may use" >&2
}

make_venv() {
    local python=$1
    rm -rf "$VENV"
    mkdir -p "${VENV%/*}"
    if "$python" -m venv "$VENV" 2>.tools/venv.log; then return; fi
    # Debian ships Python without ensurepip; its own pip can fill a venv as well.
    rm -rf "$VENV"
    "$python" -m pip --version >/dev/null 2>&1 && "$python" -m venv --without-pip "$VENV" ||
        die "Python can't make a virtual environment: $(tail -1 .tools/venv.log)" \
            "Debian, Ubuntu: apt install python3-venv"
}

install() {
    local pip=("$VENV/bin/python" -m pip)
    [ -e "$VENV/bin/pip" ] || pip=("$PYTHON" -m pip --python "$VENV/bin/python")
    "${pip[@]}" install --quiet --disable-pip-version-check "$@" ||
        die "pip could not install: $*" "is there a network, and a package index that pip may use?"
}

has_postgres() {
    command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

apt_install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

install_postgres() {
    if has_postgres; then return; fi
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "bootstrap: installing PostgreSQL for the tests"
        # They start servers of their own; the one that the package would make and start is not wanted.
        local settings=/etc/postgresql-common/createcluster.conf ours=
        if [ ! -e "$settings" ]; then
            mkdir -p "${settings%/*}"
            echo 'create_main_cluster = false' >"$settings"
            ours=1
        fi
        { apt_install postgresql || { apt-get update && apt_install postgresql; }; } >.tools/postgres.log 2>&1 || true
        [ -z "$ours" ] || rm -f "$settings"
        if has_postgres; then return; fi
    fi
    # Nothing but some tests needs it.
    printf '%s\n' "bootstrap: PostgreSQL's server is missing: the tests that need it will fail" \
        "           Debian, Ubuntu: apt install postgresql; Fedora: dnf install postgresql-server" >&2
}

# Prints which of the fronts that `migrate retire` writes for are missing. Envoy comes with the Python packages.
missing_fronts() {
    local name
    for name in nginx haproxy; do
        PATH=$PATH:/usr/sbin:/usr/local/sbin command -v "$name" >/dev/null || echo "$name"
    done
}

install_fronts() {
    local missing
    missing=$(missing_fronts)
    if [ -z "$missing" ]; then return; fi
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "bootstrap: installing" $missing "for the tests"
        # RUNLEVEL=1 keeps the packages from starting their daemons: the tests start their own.
        export RUNLEVEL=1
        { apt_install $missing || { apt-get update && apt_install $missing; }; } >.tools/fronts.log 2>&1 || true
        missing=$(missing_fronts)
        if [ -z "$missing" ]; then return; fi
    fi
    # Nothing but some tests needs it.
    echo "bootstrap:" $missing "is missing: the tests of \`migrate retire\` will fail; Debian: apt install" $missing >&2
}

# make puts the venv on PATH, yet what is there already must come from outside of it.
PATH=$(printf '%s' "$PATH" | tr ':' '\n' | grep -vFx "$PWD/$VENV/bin" | paste -sd:)
check_compilers
PYTHON=$(find_python)
extra=()
command -v cmake >/dev/null || extra=('cmake>=3.22,<4')
wanted=$({ cat "${REQUIREMENTS[@]}"; echo "$PYTHON ${extra[*]-}"; } | cksum)
if [ "$(cat "$STAMP" 2>/dev/null)" != "$wanted" ] || ! "$VENV/bin/python" -c '' 2>/dev/null; then
    echo "bootstrap: installing the Python packages of ${REQUIREMENTS[*]} ${extra[*]+and ${extra[*]} }into $VENV"
    make_venv "$PYTHON"
    install "${REQUIREMENTS[@]/#/--requirement=}" ${extra[@]+"${extra[@]}"}
    echo "$wanted" >"$STAMP"
fi
install_browser
fetch_axe
mkdir -p .tools
install_postgres
install_fronts

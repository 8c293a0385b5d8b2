#!/bin/sh
# Brings what a build and the scripts need: protoc (Lance compiles its formats with it), curl, a virtual environment.
# Says aloud what it installs. Further commands to install may be named: `scripts/setup.sh wrk`.
# Debian and macOS; the latter by the same steps, not tried.
set -eu
cd "$(dirname "$0")/.."

say() { printf '\033[1mset-up:\033[0m %s\n' "$1" >&2; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_package() { # the command, its Debian package, its Homebrew package
    command -v "$1" >/dev/null 2>&1 && return 0
    if command -v apt-get >/dev/null 2>&1; then
        say "\`$1\` is missing: installing the package $2 with apt-get"
        as_root apt-get update -qq
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$2" >/dev/null
    elif command -v brew >/dev/null 2>&1; then
        say "\`$1\` is missing: installing the package $3 with Homebrew"
        brew install "$3"
    else
        say "\`$1\` is missing and there is no apt-get or Homebrew here; install it and run this again"
        exit 1
    fi
}

install_package protoc protobuf-compiler protobuf
# Tests start a PostgreSQL server of their own. Debian keeps its programs out of the path.
if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
    install_package initdb postgresql postgresql
fi
for command in "$@"; do install_package "$command" "$command" "$command"; done
install_package curl curl curl
install_package cc build-essential gcc

command -v cargo >/dev/null 2>&1 || { say "Rust is missing: see https://rustup.rs"; exit 1; }

python=${PYTHON3:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    { say "Python 3.10 or later is needed; PYTHON3=… names another one"; exit 1; }

# Anew only when the requirements change.
wanted=$(cat scripts/requirements.txt scripts/corpus/requirements.txt sdk-python/pyproject.toml | cksum)
if [ "$(cat .venv/requirements.cksum 2>/dev/null)" != "$wanted" ]; then
    if ! "$python" -m venv .venv 2>/dev/null; then
        install_package python3-venv python3-venv python3
        "$python" -m venv .venv
    fi
    say "installing the Python packages of scripts/requirements.txt into .venv"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r scripts/requirements.txt -e 'sdk-python[test]'
    printf '%s' "$wanted" > .venv/requirements.cksum
fi

# Weights and dictionaries, for all checkouts of a user.
.venv/bin/python scripts/resources.py

#!/usr/bin/env bash
# Makes .venv from requirements.lock with this repository's own packages in it, editable.
# Does nothing when neither the lock nor a pyproject.toml has changed since.
set -euo pipefail
cd "$(dirname "$0")/../.."

home=${GYRE_HOME:-$PWD/var}
log=$home/logs/setup.log
stamp=.venv/gyre-setup
began=$SECONDS
mkdir -p "$home/logs" var/cache

shopt -s nullglob
packages=()
for file in libs/*/pyproject.toml services/*/pyproject.toml models/pyproject.toml \
    deploy/*/pyproject.toml; do
    if [ -f "$file" ]; then packages+=("${file%/pyproject.toml}"); fi
done
wanted() {
    { cat requirements.lock; for package in "${packages[@]}"; do echo "$package"; cat "$package/pyproject.toml"; done; } |
        python3 -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())'
}
step() { printf '[%4d s] %s\n' "$((SECONDS - began))" "$1"; }
fail() {
    printf 'setup: %s. The end of %s:\n' "$1" "$log" >&2
    tail -n 15 "$log" | sed 's/^/    /' >&2
    exit 1
}

if ! command -v python3 >/dev/null; then
    echo 'setup: Python 3.11 is missing: apt-get install -y python3 python3-venv python3-pip' >&2
    exit 1
fi
# One set-up of a clone at a time.
if command -v flock >/dev/null; then exec 9>var/cache/setup.lock; flock 9; fi
hash=$(wanted)
if [ "$(cat "$stamp" 2>/dev/null)" = "$hash" ]; then exit 0; fi

# Only a stack needs them, and it refuses without; but it is asked after minutes of installing.
missing=()
if ! command -v java >/dev/null; then missing+=(openjdk-17-jre-headless); fi
jars=(var/cache/kafka/*/)
if [ ${#jars[@]} -eq 0 ] && ! command -v mvn >/dev/null; then missing+=(maven); fi
if ! python3 -c 'import sys; from ctypes.util import find_library as find; sys.exit(find("numa") is None)'; then
    missing+=(libnuma1)
fi
if [ ${#missing[@]} -gt 0 ]; then
    echo "setup: make up will need more of the system: apt-get install -y ${missing[*]}" >&2
fi

date >"$log"
uv=uv
if ! uv --version >>"$log" 2>&1; then
    uv=$PWD/var/cache/uv/bin/uv
    if [ ! -x "$uv" ]; then
        step 'installing uv'
        # --target needs no virtual environment and leaves the system's packages alone.
        python3 -m pip install -q --target var/cache/uv uv >>"$log" 2>&1 || fail 'pip cannot install uv'
    fi
fi
if [ ! -x .venv/bin/python ]; then
    "$uv" venv -q --python 3.11 .venv >>"$log" 2>&1 ||
        fail 'no Python 3.11 for .venv: apt-get install -y python3.11'
fi
step 'installing requirements.lock (minutes the first time)'
"$uv" pip install -p .venv --no-deps -r requirements.lock >>"$log" 2>&1 ||
    fail 'uv cannot install requirements.lock'
step "installing this repository's own packages"
editable=()
for package in "${packages[@]}"; do editable+=(-e "$package"); done
"$uv" pip install -p .venv --no-deps --no-build-isolation "${editable[@]}" >>"$log" 2>&1 ||
    fail 'uv cannot install the packages of this repository'
echo "$hash" >"$stamp"
step 'set up'

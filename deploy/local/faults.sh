#!/usr/bin/env bash
# Injects faults into a stack of its own, which is always stopped; results stay and are gone on from.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=.venv/bin/python
results=${GYRE_HOME:-$PWD/var}/results/faults
export MODEL=${MODEL:-reference}
export GYRE_HOME=${GYRE_HOME:-$PWD/var}/faults
export GYRE_PORT_BASE=$((${GYRE_PORT_BASE:-8000} + 400))
export GYRE_API_KEYS=local:default,acme-key:acme

finish() {
    status=$?
    trap - EXIT
    "$python" -m gyre_local down >/dev/null || status=1
    exit "$status"
}

"$python" -m gyre_local down >/dev/null
"$python" -m gyre_local empty
trap finish EXIT
trap 'exit 130' INT TERM
"$python" -m gyre_local up
"$python" -m tests.faults.harness "$results" "$@"

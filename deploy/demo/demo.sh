#!/usr/bin/env bash
# Plays the story of one loop on a stack of its own: demo.sh [--shuffled]. SEED, MODEL.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=.venv/bin/python
results=${GYRE_HOME:-$PWD/var}/results
export MODEL=${MODEL:-reference}
export GYRE_HOME=${GYRE_HOME:-$PWD/var}/demo
export GYRE_PORT_BASE=$((${GYRE_PORT_BASE:-8000} + 100))

finish() {
    status=$?
    trap - EXIT
    if [ -z "${KEEP:-}" ]; then "$python" -m gyre_local down >/dev/null || status=1; fi
    # The figures stand where a reader looks for them: at the end.
    if [ -f "$results/demo.json" ]; then cat "$results/demo.json"; fi
    exit "$status"
}

"$python" -m gyre_local down >/dev/null
"$python" -m gyre_local empty
rm -f "$results/demo.json"
began=$(date +%s)
trap finish EXIT
trap 'exit 130' INT TERM
"$python" -m gyre_local up
"$python" -m gyre_demo --seed "${SEED:-1}" --began "$began" --result "$results/demo.json" "$@" |
    grep --line-buffered -v '^{'

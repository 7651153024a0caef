#!/usr/bin/env bash
# Measures on a stack of its own, which is always stopped: bench.sh serving|startup|seeds|training|events
set -euo pipefail
cd "$(dirname "$0")/../.."

python=.venv/bin/python
results=${GYRE_HOME:-$PWD/var}/results
export GYRE_HOME=${GYRE_HOME:-$PWD/var}/bench
export GYRE_PORT_BASE=$((${GYRE_PORT_BASE:-8000} + 300))
# What it goes on with must not be emptied by the others.
if [ "$1" = events ]; then GYRE_HOME=$GYRE_HOME-events; fi
# A tenant for each side: see gyre_bench/stack.py.
export GYRE_API_KEYS=bench-grpc:grpc,bench-http:http
# 64 at once is what is measured, not what is refused: a client may be back before its last
# answer has been put away.
export GYRE_MAX_IN_FLIGHT=128
export GYRE_MAX_CONCURRENT_REQUESTS=256  # of which a tenant has half
# Nor what is answered without documents because 64 searches at once took longer than 5 s.
export GYRE_SEARCH_TIMEOUT_S=60

finish() {
    status=$?
    trap - EXIT
    "$python" -m gyre_local down >/dev/null || status=1
    exit "$status"
}

trap finish EXIT
trap 'exit 130' INT TERM
"$python" -m "gyre_bench.$1" "$results"

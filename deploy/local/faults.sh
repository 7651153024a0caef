#!/usr/bin/env bash
# Injects faults into stacks of their own, which are always stopped; results stay and are gone on from.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=.venv/bin/python
results=${RESULTS:-${GYRE_HOME:-$PWD/var}/results/faults}
ledgers=$results/ledgers
export MODEL=${MODEL:-reference}
export GYRE_HOME=${GYRE_HOME:-$PWD/var}/faults
export GYRE_PORT_BASE=$((${GYRE_PORT_BASE:-8000} + 400))
export GYRE_API_KEYS=local:default,acme-key:acme
export GYRE_MAX_LAG=300 # the default takes minutes to be reached, and to be worked off
# The services go through faultpoints, and there may be a second process of inference.
export PYTHONPATH=$PWD/tests/faults/inside:$PWD
export GYRE_FAULTPOINTS=1
export GYRE_INFERENCE_ADDRESS=ipv4:127.0.0.1:$((GYRE_PORT_BASE + 1)),127.0.0.1:$((GYRE_PORT_BASE + 91))

end() {
    local failed=0
    "$python" -m gyre_local down >/dev/null || failed=1
    for disk in "$GYRE_HOME"/*; do # of R16, where it was cut off
        if mountpoint -q "$disk"; then umount "$disk" || failed=1; fi
    done
    return $failed
}

finish() {
    status=$?
    trap - EXIT
    end || status=1
    exit "$status"
}

trap finish EXIT
trap 'exit 130' INT TERM
end
"$python" -m tests.faults.harness "$results" "$ledgers" "$@"

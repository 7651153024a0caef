#!/usr/bin/env bash
# Injects faults into a stack of its own, which is always stopped; results stay and are gone on from.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=.venv/bin/python
ledgers=${GYRE_HOME:-$PWD/var}/results/faults/ledgers
results=${RESULTS:-${GYRE_HOME:-$PWD/var}/results/faults}
export MODEL=${MODEL:-reference}
export GYRE_HOME=${GYRE_HOME:-$PWD/var}/faults
export GYRE_PORT_BASE=$((${GYRE_PORT_BASE:-8000} + 400))
export GYRE_API_KEYS=local:default,acme-key:acme
export GYRE_MAX_LAG=300 # the default takes minutes to be reached, and to be worked off
# The services go through faultpoints, and there may be a second process of inference.
export PYTHONPATH=$PWD/tests/faults/inside:$PWD
export GYRE_FAULTPOINTS=1
export GYRE_INFERENCE_ADDRESS=ipv4:127.0.0.1:$((GYRE_PORT_BASE + 1)),127.0.0.1:$((GYRE_PORT_BASE + 91))
disks="data kafka" # file systems of their own, for R16

# R16 comes last, on a stack whose disks can be filled; the others know nothing of that.
chosen= others= filled= options=()
while [ $# -gt 0 ]; do
    if [ "$1" = --only ]; then
        shift
        while [ $# -gt 0 ] && [ "${1#--}" = "$1" ]; do
            chosen=yes
            if [ "$1" = R16 ]; then filled=yes; else others="$others $1"; fi
            shift
        done
    else
        options+=("$1")
        shift
    fi
done

end() {
    local failed=0
    "$python" -m gyre_local down >/dev/null || failed=1
    for disk in $disks; do
        if mountpoint -q "$GYRE_HOME/$disk"; then umount "$GYRE_HOME/$disk" || failed=1; fi
    done
    return $failed
}

finish() {
    status=$?
    trap - EXIT
    end || status=1
    exit "$status"
}

on_stack() { # ARGUMENTS of the harness
    "$python" -m gyre_local up
    "$python" -m tests.faults.harness "$results" "$ledgers" "${options[@]}" "$@" || status=1
    end
}

status=0
end
trap finish EXIT
trap 'exit 130' INT TERM
if [ -n "$others" ] || [ -z "$chosen" ]; then
    "$python" -m gyre_local empty
    # shellcheck disable=SC2086  # names of faults, in words of their own
    on_stack --without R16 ${others:+--only $others}
fi
if [ -n "$filled" ] || [ -z "$chosen" ]; then
    "$python" -m gyre_local empty
    for disk in $disks; do
        mkdir -p "$GYRE_HOME/$disk"
        if ! mount -t tmpfs -o size=256m gyre-faults "$GYRE_HOME/$disk"; then
            echo "R16: not run: nobody but root may make a file system to be filled" >&2
            exit "$status"
        fi
    done
    on_stack --only R16
fi
exit "$status"

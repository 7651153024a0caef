#!/usr/bin/env bash
# Injects faults into a stack of its own, which is always stopped; results stay and are gone on from.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=.venv/bin/python
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
mounted=()

finish() {
    status=$?
    trap - EXIT
    end || status=1
    exit "$status"
}

end() {
    "$python" -m gyre_local down >/dev/null || return 1
    for folder in "${mounted[@]}"; do umount "$folder"; done
    mounted=()
}

small() { # MEGABYTES FOLDER: a file system of its own, which can be filled
    mkdir -p "$GYRE_HOME/$2"
    mount -t tmpfs -o "size=$1m" gyre-faults "$GYRE_HOME/$2"
    mounted+=("$GYRE_HOME/$2")
}

"$python" -m gyre_local down >/dev/null
trap finish EXIT
trap 'exit 130' INT TERM
status=0
case " $* " in
*" --only R16 "*) ;;
*)
    "$python" -m gyre_local empty
    "$python" -m gyre_local up
    "$python" -m tests.faults.harness "$results" --without R16 "$@" || status=$?
    end
    case " $* " in *" --only "*) exit "$status" ;; esac
    set -- "$@" --only R16
    ;;
esac
"$python" -m gyre_local empty
small 192 data
small 512 kafka
small 64 blobs
"$python" -m gyre_local up
"$python" -m tests.faults.harness "$results" "$@" || status=$?
exit "$status"

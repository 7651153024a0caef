#!/usr/bin/env bash
# Unit tests, then the tests across services on a stack of their own, which is always stopped.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=.venv/bin/python
shopt -s nullglob
units=(libs services models deploy)
echo "unit tests of ${units[*]}"
# They say themselves where things are. Those of the engine have a real one, of this model.
env -u GYRE_HOME -u GYRE_PORT_BASE -u MODEL GYRE_TEST_MODEL="$PWD/models/reference" \
    "$python" -m pytest "${units[@]}"

export MODEL=${MODEL:-reference}
export GYRE_HOME=${GYRE_HOME:-$PWD/var}/test
export GYRE_PORT_BASE=$((${GYRE_PORT_BASE:-8000} + 200))
export GYRE_API_KEYS=local:default,acme-key:acme
export GYRE_TEST_STACK=1
export GYRE_MAX_LAG=300 # the default takes minutes to be reached, and to be worked off
# The services go through faultpoints, which are off until a test arms one.
export PYTHONPATH=$PWD/tests/faults/inside:$PWD
export GYRE_FAULTPOINTS=1
# The test of traces listens there, while it runs.
export GYRE_OTLP_ENDPOINT=http://127.0.0.1:$((GYRE_PORT_BASE + 90))
export OTEL_EXPORTER_OTLP_TIMEOUT=2 # else who ends while nobody listens there tries on for 15 s
log=$GYRE_HOME/logs

finish() {
    status=$?
    trap - EXIT
    if [ "$status" -ne 0 ]; then
        for file in "$log"/*.log; do
            printf '\n---- the end of %s\n' "$file"
            tail -n 30 "$file"
        done
    fi
    "$python" -m gyre_local down || status=1
    # The result stands where a reader looks for it: at the end.
    if [ -f "$log/pytest.out" ]; then tail -n 1 "$log/pytest.out"; fi
    exit "$status"
}

echo "tests across services, on a stack of their own with MODEL=$MODEL"
"$python" -m gyre_local down
"$python" -m gyre_local empty
trap finish EXIT
trap 'exit 130' INT TERM
"$python" -m gyre_local up
"$python" -m pytest tests | tee "$log/pytest.out"

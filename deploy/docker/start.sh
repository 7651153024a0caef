#!/bin/sh
# Starts the service that its first argument names, with the model the job before it prepared; the rest is the
# service's own: `drift replay --into /data/again`.
set -eu
name=$1
shift
if [ -f /models/model.env ]; then
    . /models/model.env
    export GYRE_MODEL_NAME GYRE_MODEL_PATH GYRE_MODEL_DIGEST
    # Of what the base knows already, for trainings; not every model has it.
    export GYRE_REPLAY_PATH="${GYRE_REPLAY_PATH:-/replay/$GYRE_MODEL_NAME.jsonl}"
fi
exec python -m "gyre_$name" "$@"

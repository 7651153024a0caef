#!/bin/sh
# Starts the service that its argument names, with the model the job before it prepared.
set -eu
if [ -f /models/model.env ]; then
    . /models/model.env
    export GYRE_MODEL_NAME GYRE_MODEL_PATH GYRE_MODEL_DIGEST
fi
exec python -m "gyre_$1"

#!/bin/sh
# Prepares MODEL under /models and writes what its users are told to /models/model.env.
set -eu
python -m gyre_models.prepare --model "$MODEL" --cache /models >/tmp/prepared
tail -n 1 /tmp/prepared | python -c '
import json, shlex, sys
model = json.load(sys.stdin)
for key in ("name", "path", "digest"):
    print(f"GYRE_MODEL_{key.upper()}={shlex.quote(model[key])}")
' >/models/model.env.new
mv /models/model.env.new /models/model.env

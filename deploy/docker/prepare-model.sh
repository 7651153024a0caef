#!/bin/sh
# Prepares MODEL under /models and writes what its users are told to /models/model.env. Nothing else
# of this image is theirs too, so a folder is copied.
set -eu
python -m gyre_models.prepare --model "$MODEL" --cache /models --copy >/tmp/prepared
tail -n 1 /tmp/prepared | python -c '
import json, shlex, sys
model = json.load(sys.stdin)
for key in ("name", "path", "digest"):
    print(f"GYRE_MODEL_{key.upper()}={shlex.quote(model[key])}")
' >/models/model.env.new
mv /models/model.env.new /models/model.env

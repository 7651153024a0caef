#!/usr/bin/env bash
# Trains Gemma's starter adapter in var/starter, resuming, and puts it where `prepare` merges it.
set -euo pipefail
cd "$(dirname "$0")/.."
run=var/starter
python=.venv/bin/python
if [ ! -f "$run/job.json" ]; then
    base=$("$python" -m gyre_models.prepare --model gemma-3-270m-pt --cache var/cache/models |
        "$python" -c 'import json, sys; print(json.load(sys.stdin)["path"])')
    "$python" -m gyre_models.starter.job "$run" --model "$base" \
        --prompt services/registry/gyre_registry/prompt.txt
fi
"$python" -m gyre_finetune.training "$run" 1 "$$" | tee -a "$run/training-log.jsonl"
"$python" -m gyre_models.starter.keep "$run"

#!/usr/bin/env bash
# Trains the reference model in three stages, resuming from var/reference, and exports it.
set -euo pipefail
cd "$(dirname "$0")/.."
run=var/reference
mkdir -p "$run"
stage() {
    OMP_NUM_THREADS=1 .venv/bin/python -m gyre_models.train_reference --run "$run" "$@"
}
rates=(--lr 0.006 --vector-lr 0.003)
stage --stage plain --tokens 0.8 --batch 2048 --decay 0 --every 50 "${rates[@]}"
stage --stage varied --tokens 2 --batch 2560 --decay 0 "${rates[@]}"
stage --stage full --tokens 26 --batch 3072 --decay 0.6 "${rates[@]}"
.venv/bin/python -m gyre_models.train_reference --run "$run" --export

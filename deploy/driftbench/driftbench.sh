#!/usr/bin/env bash
# driftbench: QUICK=1 runs Gyre alone beside figures that are in the repository; FULL=1 makes the
# vectors of all texts and the baselines' environments, and runs everything, JOBS=2 detectors at a
# time, which takes hours, and goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/../.."
results=${RESULTS:-docs/driftbench} work=${ENVIRONMENTS:-${GYRE_HOME:-var}/driftbench}
# One thread each: what a question costs is to be what one core has to do.
export PYTHONPATH=$PWD/deploy/driftbench OMP_NUM_THREADS=1 LOKY_MAX_CPU_COUNT=1
if [ "${FULL:-}" ]; then
    # Alibi's has this one's torch: its own would be 5 GB.
    packages=$(.venv/bin/python -c "import sysconfig; print(sysconfig.get_paths()['purelib'])")
    for listed in deploy/driftbench/environments/*.txt; do
        name=$(basename "$listed" .txt)
        borrowed=$([ "$name" = alibi ] && echo "$packages" || true)
        deploy/driftbench/environments/make.sh "$name" "$work" "$borrowed" ||
            echo "the environment of $name cannot be made: it is left out" >&2
    done
    .venv/bin/python -m gyre_driftbench.encoding "$work/vectors.npz" --threads "${JOBS:-2}"
    exec .venv/bin/python -m gyre_driftbench.full "$results" "$work" --pool "$work/vectors.npz" --jobs "${JOBS:-2}"
fi
exec .venv/bin/python -m gyre_driftbench.full "$results" "$work" --quick

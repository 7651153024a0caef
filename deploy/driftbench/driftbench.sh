#!/usr/bin/env bash
# driftbench: QUICK=1 runs Gyre alone beside the committed figures of the baselines; FULL=1 makes
# the baselines' environments and runs everything, which takes hours, and goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/../.."
results=${RESULTS:-docs/driftbench} environments=${ENVIRONMENTS:-${GYRE_HOME:-var}/driftbench}
export PYTHONPATH=$PWD/deploy/driftbench OMP_NUM_THREADS=1
if [ "${FULL:-}" ]; then
    # Alibi's has this one's torch: its own would be 5 GB.
    packages=$(.venv/bin/python -c "import sysconfig; print(sysconfig.get_paths()['purelib'])")
    for name in evidently frouros alibi; do
        borrowed=$([ "$name" = alibi ] && echo "$packages" || true)
        deploy/driftbench/environments/make.sh "$name" "$environments" "$borrowed" ||
            echo "the environment of $name cannot be made: it is left out" >&2
    done
    exec .venv/bin/python -m gyre_driftbench.full "$results" "$environments"
fi
exec .venv/bin/python -m gyre_driftbench.full "$results" "$environments" --quick

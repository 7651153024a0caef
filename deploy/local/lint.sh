#!/usr/bin/env bash
# Every check that reads the code without running it; all are run, then the verdict.
set -uo pipefail
cd "$(dirname "$0")/../.."
failed=()
check() {
    echo "== $*"
    "$@" || failed+=("$*")
}
PATH=$PWD/.venv/bin:$PATH

check ruff check .
check ruff format --check .
# Every package has tests that are called `tests`: one run could not tell them apart.
check mypy libs/*/gyre_* models/gyre_* deploy/*/gyre_* services/*/gyre_* tests
for tests in libs/*/tests services/*/tests models/tests deploy/*/tests; do
    check mypy "$tests"
done
check lint-imports
check buf lint
check buf breaking --against contracts/released/proto.binpb

if [ ${#failed[@]} -gt 0 ]; then
    printf 'lint: failed: %s\n' "${failed[@]}"
    exit 1
fi

#!/usr/bin/env bash
# Every check that reads the code without running it; all are run, then the verdict.
set -uo pipefail
cd "$(dirname "$0")/../.."
failed=()
check() {
    echo "== $*"
    "$@" || failed+=("$1")
}
PATH=$PWD/.venv/bin:$PATH

check ruff check .
check ruff format --check .
check mypy libs/events libs/service libs/client models deploy/local services tests
check lint-imports
# STANDARD style as buf.yaml says, where buf is; that protos compile is a test of contracts.
if command -v buf >/dev/null; then check buf lint; fi

if [ ${#failed[@]} -gt 0 ]; then
    echo "lint: failed: ${failed[*]}"
    exit 1
fi

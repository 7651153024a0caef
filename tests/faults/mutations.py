"""Turns each protection off in turn: what is to notice it must fail, and pass with it.

`python -m tests.faults.mutations RESULTS [--only NAME]`; the last line is JSON, and stays in the
folder RESULTS for the report of `make faults`.
"""

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTEST = (sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider")


@dataclass(frozen=True)
class Mutation:
    """One protection, as `inside/protections.py` names it, and who notices that it is gone.

    Args:
        name: Of the protection.
        told_by: The tests that fail without it.
        on: What they run on.
    """

    name: str
    told_by: str
    on: str = ""  # or "kafka"


MUTATIONS = (
    Mutation("seen_ids", "tests/faults/test_fake_log.py -k drift"),
    Mutation("dedupe", "tests/faults/test_fake_log.py -k feedback"),
    Mutation("fencing", "libs/service/tests/test_jobs.py"),
    Mutation("key_order", "libs/service/tests/test_outbox.py"),
    Mutation("fsync", "libs/service/tests/test_database.py"),
    Mutation("parking", "tests/delivery/test_delivery.py -k byte_for_byte", on="kafka"),
    Mutation("acks", "tests/delivery/test_publishing.py", on="kafka"),
)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=[each.name for each in MUTATIONS])
    parser.add_argument("results", type=Path)
    given = parser.parse_args()
    only = given.only
    home = Path(os.environ.get("GYRE_HOME", ROOT / "var")).absolute()
    found: dict[str, dict[str, str]] = {}
    for mutation in MUTATIONS:
        if only not in (None, mutation.name):
            continue
        statuses = {
            "with": _run(mutation, home, {}),
            "without": _run(mutation, home, {"GYRE_MUTATION": mutation.name}),
        }
        # 1 is a test that failed; anything else, that there was none.
        verdict = "noticed" if statuses == {"with": 0, "without": 1} else "NOT NOTICED"
        found[mutation.name] = {"by": mutation.told_by, "verdict": verdict}
        sys.stdout.write(f"{mutation.name}: {verdict} by {mutation.told_by}, {statuses}\n")
        sys.stdout.flush()
    if only is None:
        given.results.mkdir(parents=True, exist_ok=True)
        (given.results / "mutations.json").write_text(json.dumps(found, indent=1) + "\n")
    sys.stdout.write(json.dumps({"mutations": found}) + "\n")
    return int(any(each["verdict"] != "noticed" for each in found.values()))


def _run(mutation: Mutation, home: Path, mutated: dict[str, str]) -> int:
    """Return the status of what is to notice `mutation`."""
    folder = home / "mutations" / (mutation.name + ("-without" if mutated else ""))
    base = int(os.environ.get("GYRE_PORT_BASE", "8000")) + (500 if mutation.on == "kafka" else 0)
    environment = os.environ | {
        "GYRE_HOME": str(folder),
        "GYRE_PORT_BASE": str(base),
        "PYTHONPATH": f"{Path(__file__).parent / 'inside'}:{ROOT}",
        **({"GYRE_TEST_STACK": "1"} if mutation.on == "kafka" else {}),
    }
    if mutation.on != "kafka":
        return _done([*PYTEST, *mutation.told_by.split()], environment | mutated)
    local = [sys.executable, "-m", "gyre_local"]
    try:
        _done([*local, "kafka"], environment)
        return _done([*PYTEST, *mutation.told_by.split()], environment | mutated)
    finally:
        _done([*local, "down"], environment)


def _done(command: list[str], environment: dict[str, str]) -> int:
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    sys.stdout.write("".join(f"    {line}\n" for line in done.stdout.splitlines()[-3:]))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())

"""Faults that tests of this repository inject already: each trial is a run of them on the stack."""

import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from types import MappingProxyType

from gyre_local.stack import REPO
from tests.faults.harness.fault import Field, Inject, Trial

LIMIT_S = 3_600.0


def running(*chosen: str, environment: Mapping[str, str] = MappingProxyType({})) -> Inject:
    """Return what runs these tests of pytest: one that fails is what did not hold.

    Args:
        chosen: Files, or more of pytest's arguments.
        environment: More of it than ours.
    """

    def inject(field: Field, into: str, rng: random.Random) -> Trial:
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-rfE", "-p", "no:cacheprovider", *chosen],
            cwd=REPO,
            env={**os.environ, "GYRE_TEST_STACK": "1", **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )
        (field.stack.home / "logs" / "pytest.log").write_text(done.stdout + done.stderr)
        count = re.search(r"(\d+) passed", done.stdout)
        failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
        if done.returncode and not failed:
            failed = [f"pytest ended with {done.returncode}"]
        return Trial(
            into=into,
            sent=int(count[1]) if count else 0,
            unknown=0,
            lost=0,
            double=0,
            inversions=0,
            recovery_s=round(time.monotonic() - began, 1),
            bound_s=LIMIT_S,
            waited_p95_s=0.0,
            broken=tuple(failed) if count or failed else ("no test ran",),
        )

    return inject

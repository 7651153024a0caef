"""R19: a service of the last release among services of today, on the same log and database."""

import os
import random
import shutil
import subprocess
import sys
import tarfile
import time
from io import BytesIO
from pathlib import Path

from gyre_local.stack import REPO, SERVICES
from tests.conftest import Stack
from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.lag import FEW, handled, lag
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.r11_rolling import WITHOUT_RECORDS
from tests.faults.harness.replica import instead
from tests.faults.harness.trying import under_load
from tests.faults.harness.waiting import until

BESIDE_S = 30.0
BOUND_S = BESIDE_S + 300.0  # two starts of a service are in it
RELEASED = "contracts/released"


def mix(field: Field, service: str, rng: random.Random) -> Trial:
    code = released(field.stack)
    folders = [*sorted((code / "libs").iterdir()), *sorted((code / "services").iterdir())]
    path = ":".join(map(str, folders))
    _check_imported(path, code)
    figures: dict[str, float] = {}

    def fault() -> float:
        began = time.monotonic()
        # It reads what today's services write, and they read what it writes.
        with instead(field, service, "released", PYTHONPATH=path, GYRE_FAULTPOINTS=""):
            before = handled(field.stack, service)
            time.sleep(BESIDE_S)  # the fault itself
            # All of it handled by the release's process, or by nobody.
            until(lambda: service in WITHOUT_RECORDS or lag(field.stack, service) < FEW, 60)
            figures["handled"] = handled(field.stack, service) - before
        return time.monotonic() - began

    def also(_: Ledger) -> tuple[str, ...]:
        idle = service not in WITHOUT_RECORDS and not figures["handled"]
        return ("the release handled nothing",) if idle else ()

    return under_load(field, service, rng, fault, BOUND_S, also, figures)


def _check_imported(path: str, code: Path) -> None:
    """Stop if a Python with this path would import anybody else's services."""
    said = subprocess.run(
        [sys.executable, "-c", "import gyre_service.ids as one; print(one.__file__)"],
        env=os.environ | {"PYTHONPATH": path, "GYRE_FAULTPOINTS": ""},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert Path(said.strip()).is_relative_to(code), said


def released(stack: Stack) -> Path:
    """Return a folder with the code of the commit that wrote the released contracts.

    Raises:
        LookupError: This clone does not know it.
    """

    def git(*arguments: str) -> bytes:
        return subprocess.run(["git", *arguments], cwd=REPO, check=True, capture_output=True).stdout

    commit = git("log", "-1", "--format=%h", "--", RELEASED).decode().strip()
    if git("rev-parse", "--is-shallow-repository").strip() == b"true":
        raise LookupError("a shallow clone does not have the commit of the release")
    folder = stack.home / "run" / f"released-{commit}"
    if not folder.exists():
        partial = folder.with_suffix(".part")
        shutil.rmtree(partial, ignore_errors=True)
        with tarfile.open(fileobj=BytesIO(git("archive", commit, "libs", "services"))) as files:
            files.extractall(partial, filter="data")
        partial.rename(folder)
    return folder


R19 = Fault(
    name="R19",
    title="a service of the last release among those of today",
    into=tuple(SERVICES),
    trials={"smoke": 1, "gate": 1, "soak": 2},
    inject=mix,
)

"""R16: a disk is full, for half a minute."""

import os
import random
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.r04_broker import consumed
from tests.faults.harness.trying import all_ready, under_load
from tests.faults.harness.waiting import until

FULL_S = 30.0
BOUND_S = 60.0  # until every service says that it is ready
FILLER = "filler"
CHUNK = bytes(1 << 20)
DISKS = ("data", "kafka")


def fill(field: Field, into: str, rng: random.Random) -> Trial:
    folder = field.stack.home / into
    if not os.path.ismount(folder):
        raise NotADirectoryError(f"{folder} is no file system of its own: see stacks.py")
    figures: dict[str, float] = {"full": 0}  # looks at which nothing was free

    def fault() -> float:
        with filled(folder):
            end = time.monotonic() + FULL_S
            while time.monotonic() < end:  # what is freed meanwhile is filled, too
                with suppress(OSError):
                    _fill(folder)
                figures["full"] += shutil.disk_usage(folder).free == 0
                time.sleep(0.2)
        began = time.monotonic()
        until(lambda: all_ready(field), 240)
        took = time.monotonic() - began
        until(lambda: consumed(field), 240)  # what waited meanwhile is worked off, as after R5
        figures["consumed_s"] = round(time.monotonic() - began, 1)
        return took

    def also(ledger: Ledger) -> tuple[str, ...]:
        hurt = sum(len(entry.refusals) + entry.unknown for entry in ledger.entries)
        figures["refused"] = hurt
        return (
            *(("the disk was never full",) if not figures["full"] else ()),
            *(("nobody was refused",) if not hurt else ()),
        )

    return under_load(field, into, rng, fault, BOUND_S, also, figures)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Have no byte left while inside."""
    try:
        with suppress(OSError):
            _fill(folder)
        yield
    finally:
        (folder / FILLER).unlink(missing_ok=True)


def _fill(folder: Path) -> None:
    """Write until there is no room.

    Raises:
        OSError: There is none.
    """
    with (folder / FILLER).open("ab", buffering=0) as file:
        for size in (len(CHUNK), 4096, 1):
            with suppress(OSError):
                while True:
                    file.write(CHUNK[:size])


R16 = Fault(
    name="R16",
    title="disk full for half a minute",
    into=DISKS,
    trials={"smoke": 1, "gate": 5, "soak": 10},
    inject=fill,
    substitute=(
        "adapters and blobs have no disk of their own to be filled; "
        "the spool is a database; that inference refuses with a full one is a unit test"
    ),
    disks=DISKS,
)

"""Judges when all has come to rest: a second effect comes after the first."""

import time

from tests.faults.harness.checkers import judge
from tests.faults.harness.fault import Field
from tests.faults.harness.judgement import Judgement
from tests.faults.harness.lag import lag
from tests.faults.harness.ledger import Ledger

SETTLE_S = 120.0  # for effects; what has none then is lost
LOOKS = 3  # in a row: an outbox publishes every second, and nobody tells that it is empty


def settle(field: Field, ledger: Ledger) -> Judgement:
    """Judge when nothing is lost any more and no record waits, or it has had its time."""
    end = time.monotonic() + SETTLE_S
    still = 0
    while True:
        late = time.monotonic() > end
        still = still + 1 if lag(field.stack) == 0 else 0
        if late or still >= LOOKS:
            found = judge(field.stack, field.api, field.model, ledger)
            if late or not found.lost:
                return found
        time.sleep(1)

"""Drift and feedback die at every point of their work, on a log in memory: many times, and fast."""

import random

from tests.faults.harness.as_tests import running
from tests.faults.harness.fault import Fault, Field, Trial

OFTEN = {1_000: 60, 10_000: 3_000, 100_000: 3_000}  # by the tier's events


def die(field: Field, into: str, rng: random.Random) -> Trial:
    often = {"GYRE_FAULTS_DEATHS": str(OFTEN[field.events])}
    return running("tests/faults/test_fake_log.py", "-k", into, environment=often)(field, into, rng)


DEATHS = Fault(
    name="deaths",
    title="killed at every point of its work, on a log in memory",
    into=("feedback", "drift"),
    trials={"smoke": 1, "gate": 1, "soak": 1},
    inject=die,
)

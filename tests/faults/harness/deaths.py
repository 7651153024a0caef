"""Drift and feedback die at every point of their work, on a log in memory: many times, and fast."""

from tests.faults.harness.as_tests import running
from tests.faults.harness.fault import Fault, Field

OFTEN = {1_000: 60, 10_000: 3_000, 100_000: 3_000}  # by the tier's events


def _environment(field: Field) -> dict[str, str]:
    return {"GYRE_FAULTS_DEATHS": str(OFTEN[field.events])}


DEATHS = Fault(
    name="deaths",
    title="killed at every point of its work, on a log in memory",
    into=("feedback and drift",),
    trials={"smoke": 1, "gate": 1, "soak": 1},
    inject=running("tests/faults/test_fake_log.py", environment=_environment),
)

"""R19: what the last release wrote is read now, and the other way round."""

from tests.faults.harness.as_tests import running
from tests.faults.harness.fault import Fault

R19 = Fault(
    name="R19",
    title="the last release's contracts beside these",
    into=("contracts",),
    trials={"smoke": 1, "gate": 1, "soak": 1},
    inject=running("tests/contracts"),
    substitute="released schemas and examples, and no process of the last release",
)

"""R13: adapters that are broken, and an engine that refuses them, while questions are asked."""

from tests.faults.harness.as_tests import running
from tests.faults.harness.fault import Fault

R13 = Fault(
    name="R13",
    title="an adapter is broken, or refused",
    into=("inference",),
    trials={"smoke": 1, "gate": 3, "soak": 5},
    inject=running("tests/flow/test_adapters.py", "tests/flow/test_adapters_together.py"),
    substitute=(
        "the engine refuses, and does not hang; what is missing is waited for, 150 s at most"
    ),
)

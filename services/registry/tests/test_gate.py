from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from gyre_events import AdapterEvaluated, Measured, Paired, ReleasePolicy, SuiteReport
from gyre_registry.gate import judge


def suite(kind: str, difference: float, low: float, gained: int = 12, lost: int = 1) -> SuiteReport:
    return SuiteReport(
        suite="moved/1" if kind == "moved" else "retention",
        suite_digest="a" * 64,
        kind=kind,
        subjects=(Measured(subject="candidate", passed=9, items=10, value=0.9, low=0.6, high=1),),
        paired=(
            Paired(
                against="production",
                gained=gained,
                lost=lost,
                difference=difference,
                low=low,
                high=min(1.0, difference + 0.2),
            ),
        ),
    )


def evaluated(*suites: SuiteReport, **changes: Any) -> AdapterEvaluated:
    fields: dict[str, Any] = {
        "evaluation_id": uuid4(),
        "route": "default",
        "rollout_id": uuid4(),
        "job_id": uuid4(),
        "adapter_digest": "b" * 64,
        "suites": suites,
        "decided_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return AdapterEvaluated(**fields | changes)


@pytest.mark.parametrize(
    ("event", "passed", "reason"),
    [
        (evaluated(suite("moved", 0.5, 0.2), suite("kept", 0, -0.1)), True, "+0.50"),
        (evaluated(suite("moved", 0.1, -0.1), suite("kept", 0, -0.1)), False, "wanted above 0"),
        # Newcombe's interval of two gained of two, and of five of five, is above 0.
        (
            evaluated(suite("moved", 1, 0.07, 2, 0)),
            False,
            "by chance: p = 0.50, wanted at most 0.0",
        ),
        (evaluated(suite("moved", 1, 0.39, 5, 0)), False, "by chance: p = 0.06"),
        (evaluated(suite("moved", 1, 0.45, 6, 0)), True, "6 gained, 0 lost"),
        (evaluated(suite("moved", 0.3, 0.02, 9, 2)), False, "by chance: p = 0.07"),
        (evaluated(suite("moved", 0.5, 0.2), suite("kept", -0.2, -0.4)), False, "at most 0.1"),
        (evaluated(suite("kept", 0, -0.1)), False, "the moved slice was not measured"),
        (evaluated(suite("kept", 0, -0.1), job_id=None), True, "retention"),
        (evaluated(job_id=None), False, "no suite was run"),
        (evaluated(error="there is no suite 'x'"), False, "there is no suite 'x'"),
    ],
)
def test_what_passes_and_why(event: AdapterEvaluated, passed: bool, reason: str) -> None:
    verdict = judge(event, ReleasePolicy())
    assert verdict.passed is passed
    assert reason in verdict.reason

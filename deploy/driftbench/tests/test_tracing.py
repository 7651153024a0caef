"""Scores are written down once for each stream and settings."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gyre_driftbench.observation import Observation
from gyre_driftbench.planning import Plan
from gyre_driftbench.pool import COMMITTED, read
from gyre_driftbench.scenarios import SCENARIOS
from gyre_driftbench.scoring import Scored
from gyre_driftbench.tracing import trace_all

FITTED: list[int] = []


class Distance(Scored):
    """How far a question is from the first."""

    def __init__(self, sign: int) -> None:
        super().__init__(7)
        self._sign = sign

    def fit(self, past: Sequence[Observation]) -> None:
        FITTED.append(self._sign)
        self._first = past[0].vector

    def score(self, seen: Observation) -> float:
        return float(seen.vector @ self._first) * self._sign


def test_what_is_there_is_not_run_again(tmp_path: Path) -> None:
    plan = Plan((SCENARIOS["none"],), 1, 50, 3, COMMITTED)
    known = read(COMMITTED)

    def traced(*signs: int) -> list[dict[str, object]]:
        settings = [{"sign": sign} for sign in signs]
        return [*trace_all(("mine", "code"), Distance, settings, plan, known, tmp_path)]

    [one] = traced(1)
    first, other = traced(1, -1)
    assert FITTED == [1, -1]
    assert first == one
    assert (one["scenario"], one["seed"], one["length"]) == ("none", 3, 50)
    kept = [np.load(str(each["file"])) for each in (first, other)]
    assert (kept[0]["scores"] == -kept[1]["scores"]).all()
    assert kept[0]["scores"].shape == (50,)
    assert int(kept[0]["quiet"]) == 7

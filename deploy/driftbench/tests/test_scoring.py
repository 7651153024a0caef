"""Scores that are written down say what the detector itself would have said."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from gyre_driftbench.observation import Observation
from gyre_driftbench.scoring import Scored, alarms, threshold_for

RNG = np.random.default_rng(0)
TRACES = [np.round(np.convolve(RNG.normal(size=2_000), np.ones(20) / 20), 3) for _ in range(6)]
QUIET = 50


class Said(Scored):
    """Says what it was told to."""

    def __init__(self, scores: Sequence[float], quiet: int, threshold: float) -> None:
        super().__init__(quiet, threshold)
        self._scores = iter(scores)

    def fit(self, past: Sequence[Observation]) -> None:
        pass

    def score(self, seen: Observation) -> float:
        return next(self._scores)


@pytest.mark.parametrize("quiet", [1, QUIET])
@pytest.mark.parametrize("threshold", [-1.0, 0.0, 0.3, 0.6])
def test_alarms_are_those_of_the_detector(quiet: int, threshold: float) -> None:
    scores = TRACES[0].copy()
    scores[::7] = np.nan  # no look
    seen: Any = None
    said = Said(scores.tolist(), quiet, threshold)
    raised = [place for place in range(len(scores)) if said.update(seen)]
    assert alarms(scores, threshold, quiet) == raised


@pytest.mark.parametrize("allowed", [0, 2, 5])
def test_a_threshold_is_the_lowest_with_no_more_alarms_than_are_allowed(allowed: int) -> None:
    found = threshold_for(TRACES, allowed, QUIET)
    levels = np.unique(np.concatenate(TRACES))
    lower = levels[np.searchsorted(levels, found) - 1]
    counts = [sum(len(alarms(one, at, QUIET)) for one in TRACES) for at in (found, lower)]
    assert counts[0] <= allowed < counts[1]

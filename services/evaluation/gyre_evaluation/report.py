"""What the results of a suite's items say together."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gyre_evaluation.intervals import bootstrap, wilson

# Metrics of which more is better, in [0, 1]: a suite may ask for a smallest value.
FLOORS = (
    "passed",
    "exact_or_contained",
    "citation_valid",
    "refusal_precision",
    "refusal_recall",
    "groundedness",
)


@dataclass(frozen=True)
class Result:
    """What one item came to.

    Attributes:
        answerable: Whether its passages have the answer.
        passed: Answered as expected, or refused as expected.
        answered: False: it failed with an error, and counts as not passed and not refused.
        refused: Whether the model declined.
        scores: `citation_valid` (0 or 1) and `groundedness`, if it did not decline.
        latency_s: Seconds from asking to the whole answer.
    """

    answerable: bool
    passed: bool
    answered: bool = True
    refused: bool = False
    scores: Mapping[str, float] = field(default_factory=dict)
    latency_s: float = 0.0


@dataclass(frozen=True)
class Metric:
    """A figure with its 95 % interval. Without trials it says nothing: 0 in [0, 1]."""

    name: str
    value: float
    low: float
    high: float
    trials: int


def measure(results: Sequence[Result]) -> list[Metric]:
    """Return every metric of a suite.

    `passed` is of all items; `exact_or_contained` of those with an answer; `citation_valid` of
    the answers that are no refusals: whether they cite, and only given passages;
    `refusal_precision` of refusals: whether the item wanted one; `refusal_recall` of items that
    want one: whether they got it; `groundedness` is a mean and `latency_p50_s` a median.
    """
    answered = [result for result in results if result.answered]
    return [
        _proportion("passed", (r.passed for r in results)),
        _proportion("exact_or_contained", (r.passed for r in results if r.answerable)),
        _proportion("citation_valid", (bool(v) for v in _values(results, "citation_valid"))),
        _proportion("refusal_precision", (not r.answerable for r in answered if r.refused)),
        _proportion("refusal_recall", (r.refused for r in results if not r.answerable)),
        _statistic("groundedness", _values(results, "groundedness"), np.mean),
        _statistic("latency_p50_s", [r.latency_s for r in answered], np.median),
    ]


def missed(floors: Mapping[str, float], metrics: Iterable[Metric]) -> list[str]:
    """Return one sentence a floor that is not reached. The value counts, not its interval."""
    found = {metric.name: metric for metric in metrics}
    sentences = []
    for name, floor in sorted(floors.items()):
        metric = found[name]
        if metric.trials == 0:
            sentences.append(f"{name}: nothing to measure, floor {floor:g}")
        elif metric.value < floor:
            sentences.append(
                f"{name}: {metric.value:.3f} is below the floor {floor:g}"
                f" (95 % interval {metric.low:.3f} to {metric.high:.3f}, {metric.trials} trials)"
            )
    return sentences


def _values(results: Iterable[Result], name: str) -> list[float]:
    return [result.scores[name] for result in results if name in result.scores]


def _proportion(name: str, outcomes: Iterable[bool]) -> Metric:
    found = list(outcomes)
    successes, trials = sum(found), len(found)
    low, high = wilson(successes, trials)
    return Metric(name, successes / trials if trials else 0.0, low, high, trials)


def _statistic(name: str, values: list[float], statistic: Callable[..., Any]) -> Metric:
    if not values:
        return Metric(name, 0.0, 0.0, 1.0, 0)
    low, high = bootstrap(values, statistic)
    return Metric(name, float(statistic(values)), low, high, len(values))

"""From single requests to the figures of a cell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor
from statistics import median

SHARES = (50, 95, 99)


@dataclass(frozen=True)
class Sample:
    """One request as its client saw it."""

    wall_s: float
    prompt_tokens: int
    completion_tokens: int
    first_s: float | None = None  # to the first text; of streamed ones
    engine_s: float | None = None  # the engine's own time of this very request, where it is said

    @property
    def added_s(self) -> float | None:
        return None if self.engine_s is None else self.wall_s - self.engine_s


def percentile(values: Sequence[float], percent: float) -> float:
    """Return a percentile, between two values as far as it lies between their places.

    >>> percentile([4, 1, 3, 2], 50)
    2.5

    Raises:
        ValueError: There are no values.
    """
    if not values:
        raise ValueError("no values have no percentile")
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    below = floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def spread_ms(seconds: Sequence[float | None]) -> dict[str, float] | None:
    """Return p50, p95 and p99 in milliseconds; None where nothing was told.

    >>> spread_ms([0.001, 0.001])
    {'p50': 1.0, 'p95': 1.0, 'p99': 1.0}
    """
    known = [value for value in seconds if value is not None]
    if not known:
        return None
    return {f"p{share}": round(percentile(known, share) * 1000, 3) for share in SHARES}


def of_streamed(samples: Sequence[Sample], elapsed_s: float) -> dict[str, object]:
    """Return throughput and time to first token of streamed answers."""
    made = sum(sample.completion_tokens for sample in samples)
    return {
        "streamed": len(samples),
        "tokens_per_s": round(made / elapsed_s, 2),
        "first_ms": spread_ms([sample.first_s for sample in samples]),
        "prompt_tokens": sum(sample.prompt_tokens for sample in samples),
        "completion_tokens": made,
    }


def of_whole(samples: Sequence[Sample]) -> dict[str, object]:
    """Return latencies of whole answers; nothing was added where nobody stands between."""
    return {
        "whole": len(samples),
        "wall_ms": spread_ms([sample.wall_s for sample in samples]),
        "added_ms": spread_ms([sample.added_s for sample in samples]),
    }


def beside(model: str, found: Mapping[str, Sequence[float]], unit: str) -> dict[str, object]:
    """Return what the last line says of two that were measured in turn.

    Args:
        model: That both used.
        found: The values of each run, ours first, then the bare one's.
        unit: Of the values.
    """
    medians = {name: median(values) for name, values in found.items()}
    ours, bare = medians.values()
    return {
        "model": model,
        "ratio": round(ours / bare, 3),
        **{f"{name.replace(' ', '_')}_{unit}": round(each, 2) for name, each in medians.items()},
        "runs": {name: [round(each, 2) for each in values] for name, values in found.items()},
    }

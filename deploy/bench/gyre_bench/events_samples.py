"""What was looked at while events were handled, and what follows from it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

DURATION = "gyre_kafka_received_processed_messages_duration_seconds_bucket"


@dataclass(frozen=True)
class Sample:
    """One look.

    Args:
        run: Counts the starts of the bench: what was between two of them is no time.
        at_s: On the monotonic clock.
        handled: Events, by service: what it has committed.
        memory_mib: Resident, by service.
        buckets: How many handlings took at most so many seconds, by service; since its start.
    """

    run: int
    at_s: float
    handled: dict[str, int]
    memory_mib: dict[str, float]
    buckets: dict[str, dict[str, float]]

    @property
    def count(self) -> int:
        return sum(self.handled.values())


class Samples:
    """A file to which they are added: a run that was ended goes on with it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[Sample]:
        if not self._path.exists():
            return []
        lines = self._path.read_text().splitlines(keepends=True)
        return [Sample(**json.loads(line)) for line in lines if line.endswith("\n")]

    def add(self, sample: Sample) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(json.dumps(asdict(sample)) + "\n")


def rate(samples: Sequence[Sample]) -> float:
    """Return events a second, of the time in which some were handled.

    >>> looks = [Sample(0, 0.0, {"a": 5}, {}, {}), Sample(0, 2.0, {"a": 25}, {}, {})]
    >>> rate([*looks, Sample(1, 90.0, {"a": 25}, {}, {}), Sample(1, 91.0, {"a": 35}, {}, {})])
    10.0
    """
    steps = [
        (after.count - before.count, after.at_s - before.at_s)
        for before, after in pairwise(samples)
        if before.run == after.run and after.count > before.count
    ]
    return sum(count for count, _ in steps) / sum(seconds for _, seconds in steps)


def p95_s(samples: Sequence[Sample], service: str, low: float, high: float) -> float:
    """Return how long 95 % of the handlings took at most, among a part of the service's events.

    Within a bucket the durations count as spread evenly.

    Args:
        samples: Of a service with metrics.
        service: Its name.
        low: Where the part begins, as a share of all.
        high: Where it ends.
    """
    last = samples[-1].handled[service]
    found: dict[float, float] = {}
    for before, after in pairwise(samples):
        if before.run == after.run and low * last <= before.handled[service] < high * last:
            for bound, count in after.buckets[service].items():
                more = count - before.buckets[service].get(bound, 0.0)
                found[float(bound)] = found.get(float(bound), 0.0) + more
    return quantile(found, 0.95)


def quantile(cumulative: Mapping[float, float], share: float) -> float:
    """Return a quantile of a histogram with cumulative counts by upper bound.

    >>> quantile({0.1: 50.0, 0.2: 90.0, 0.4: 100.0, float("inf"): 100.0}, 0.95)
    0.3
    """
    bounds = sorted(cumulative)
    wanted, below, under = share * cumulative[bounds[-1]], 0.0, 0.0
    for bound in bounds:
        count = cumulative[bound]
        if count >= wanted:
            part = (wanted - under) / (count - under) if count > under else 0.0
            return round(below + part * (bound - below), 6) if bound != float("inf") else below
        below, under = bound, count
    return below

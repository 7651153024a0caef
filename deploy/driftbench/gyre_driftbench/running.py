"""Runs a detector over streams, and keeps a line for each; what is there is not run again."""

import json
import pickle
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from gyre_driftbench.measuring import FOUND
from gyre_driftbench.observation import Cause, Detector, Stream
from gyre_driftbench.pool import Pool
from gyre_driftbench.scenarios import EVENTS, Scenario
from gyre_driftbench.world import World

Line: TypeAlias = dict[str, Any]
Make: TypeAlias = Callable[[], Detector]


@dataclass(frozen=True)
class Plan:
    """What is to be run.

    Attributes:
        scenarios: In this order.
        seeds: So many.
        events: Of each seed of a scenario in which nothing changes.
        first: The first seed.
    """

    scenarios: tuple[Scenario, ...]
    seeds: int
    events: int
    first: int = 0

    def runs(self) -> Iterator[tuple[Scenario, int]]:
        for scenario in self.scenarios:
            seeds = range(self.first, self.first + self.seeds)
            yield from ((scenario, seed) for seed in seeds)


def stream_of(
    scenario: Scenario, seed: int, events: int, pools: dict[str, Pool], encoder: str
) -> Stream:
    """Return the same stream for the same arguments, always."""
    world = World.draw(pools, encoder, seed, scenario.base)
    rng = np.random.default_rng((seed, *scenario.name.encode()))
    return scenario.make(world, rng, events if scenario.unchanged else EVENTS)


def run(detector: Detector, stream: Stream) -> Line:
    """Return what a detector raised, and what that cost.

    A stream ends with the first alarm after its last change, or where it would come too late:
    nothing after that is measured.
    """
    detector.fit(stream.past)
    alarms: list[tuple[int, Cause]] = []
    whole = not stream.changes or "encoder" in stream.causes  # no alarm at all is wanted
    last = stream.length if whole else stream.changes[-1]
    seen = stream.live[: last + FOUND]
    began, taken = time.perf_counter(), 0
    for place, each in enumerate(seen):
        taken += 1
        if cause := detector.update(each):
            alarms.append((place, cause))
            if place >= last:
                break
    spent = time.perf_counter() - began
    return {
        "alarms": alarms,
        "changes": stream.changes,
        "causes": sorted(stream.causes),
        "length": stream.length,
        "us_per_event": spent / taken * 1e6,
        "bytes": _bytes_of(detector),
    }


def _bytes_of(detector: Detector) -> int | None:
    """Return how large its state is; None if it cannot be stored."""
    try:
        return len(pickle.dumps(detector))
    except (TypeError, AttributeError, pickle.PicklingError):
        return None


def run_all(
    name: str,
    make: Make,
    plan: Plan,
    pools: dict[str, Pool],
    encoder: str,
    results: Path,
) -> Iterator[Line]:
    """Run what has no line yet; yield each line, old or new, in the order of the plan."""
    there = {_key(line): line for line in read(results)}
    results.parent.mkdir(parents=True, exist_ok=True)
    for scenario, seed in plan.runs():
        length = plan.events if scenario.unchanged else EVENTS
        key = (name, scenario.name, seed, length)
        if key not in there:
            stream = stream_of(scenario, seed, plan.events, pools, encoder)
            line = {"detector": name, "scenario": scenario.name, "seed": seed}
            there[key] = line | run(make(), stream)
            with results.open("a") as file:
                file.write(json.dumps(there[key]) + "\n")
        yield there[key]


def read(results: Path) -> list[Line]:
    """Return the lines of a file; one that was cut off is left out."""
    found = []
    for text in results.read_text().splitlines() if results.exists() else ():
        try:
            found.append(json.loads(text))
        except json.JSONDecodeError:
            continue
    return found


def _key(line: Line) -> tuple[str, str, int, int]:
    return line["detector"], line["scenario"], line["seed"], line["length"]

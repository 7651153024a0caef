"""Makes streams, and runs a detector over one."""

import pickle
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from gyre_driftbench.observation import Cause, Detector, Observation, Stream
from gyre_driftbench.pool import Pool
from gyre_driftbench.scenarios import EVENTS, FOUND, Scenario
from gyre_driftbench.world import World


def stream_of(
    scenario: Scenario, seed: int, events: int, pools: dict[str, Pool], encoder: str
) -> Stream:
    """Return the same stream for the same arguments, always."""
    world = World.draw(pools, encoder, seed, scenario.base)
    rng = np.random.default_rng((seed, *scenario.name.encode()))
    return scenario.make(world, rng, length_of(scenario, events))


def length_of(scenario: Scenario, events: int) -> int:
    """Return how long a scenario's streams are, of which `events` is for those without a change."""
    return events if scenario.unchanged else EVENTS


@dataclass(frozen=True)
class Watched:
    """What of a stream is watched.

    Attributes:
        seen: From the first question to where a detection of the last change would come too late.
        last: From here on an alarm ends it: nothing after that is measured.
    """

    seen: list[Observation]
    last: int

    @classmethod
    def of(cls, stream: Stream) -> "Watched":
        whole = not stream.changes or "encoder" in stream.causes  # no alarm at all is wanted
        last = stream.length if whole else stream.changes[-1]
        return cls(list(stream.live[: last + FOUND]), last)


def run(detector: Detector, stream: Stream) -> dict[str, Any]:
    """Return what a detector raised, and the processor's time that it took."""
    detector.fit(stream.past)
    alarms: list[tuple[int, Cause]] = []
    watched = Watched.of(stream)
    began, taken = time.process_time(), 0
    for place, each in enumerate(watched.seen):
        taken += 1
        if cause := detector.update(each):
            alarms.append((place, cause))
            if place >= watched.last:
                break
    spent = time.process_time() - began
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

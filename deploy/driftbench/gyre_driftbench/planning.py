"""Which streams a detector is to be run over; what has a line is not run again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from gyre_driftbench import digests
from gyre_driftbench.lines import Key, Line, add, read
from gyre_driftbench.observation import Detector, Stream
from gyre_driftbench.pool import Pool
from gyre_driftbench.running import length_of, run, stream_of
from gyre_driftbench.scenarios import Scenario

Make: TypeAlias = Callable[[], Detector]


@dataclass(frozen=True)
class Plan:
    """What is to be run.

    Attributes:
        scenarios: In this order.
        seeds: So many.
        events: Of each seed of a scenario in which nothing changes.
        first: The first seed.
        pool: A file of vectors.
    """

    scenarios: tuple[Scenario, ...]
    seeds: int
    events: int
    first: int
    pool: Path

    def runs(self) -> Iterator[tuple[Scenario, int]]:
        for scenario in self.scenarios:
            seeds = range(self.first, self.first + self.seeds)
            yield from ((scenario, seed) for seed in seeds)

    def keys(self, name: str, code: str) -> dict[Key, tuple[Scenario, int]]:
        """Return the key of every line that a detector is to have.

        Args:
            name: Under which its results are kept.
            code: Its digest.
        """
        streams = {one.name: digests.of_streams(one, self.pool) for one in self.scenarios}
        return {
            (name, code, streams[one.name], one.name, seed, length_of(one, self.events)): (
                one,
                seed,
            )
            for one, seed in self.runs()
        }

    def stream(self, scenario: Scenario, seed: int, known: tuple[str, dict[str, Pool]]) -> Stream:
        """Return a stream, of an encoder's name and its pools."""
        encoder, pools = known
        return stream_of(scenario, seed, self.events, pools, encoder)


def run_all(
    named: tuple[str, str],
    make: Make,
    plan: Plan,
    known: tuple[str, dict[str, Pool]],
    results: Path,
    *,
    again: bool = False,
) -> Iterator[tuple[Line, bool]]:
    """Run what has no line yet; yield each line and whether it was kept, in the plan's order.

    Args:
        named: The detector's name, under which results are kept, and the digest of its code.
        make: Makes it.
        plan: Which streams.
        known: An encoder's name and its pools.
        results: The file of lines.
        again: Whether lines that are there are run once more.
    """
    there = {} if again else read(results)
    for key, (scenario, seed) in plan.keys(*named).items():
        if key in there:
            yield there[key], True
            continue
        name, code, streams, *_ = key
        line: Line = {"detector": name, "code": code, "streams": streams}
        line |= {"scenario": scenario.name, "seed": seed}
        line |= run(make(), plan.stream(scenario, seed, known))
        add(results, line)
        yield line, False

"""Writes down the scores of a detector on each stream, for all thresholds at once."""

import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from gyre_driftbench.planning import Plan
from gyre_driftbench.pool import Pool
from gyre_driftbench.running import Watched


def trace_all(
    named: tuple[str, str],
    detector: Any,
    settings: Sequence[dict[str, Any]],
    plan: Plan,
    known: tuple[str, dict[str, Pool]],
    folder: Path,
) -> Iterator[dict[str, Any]]:
    """Yield, of each stream and settings, the file of its scores; what is there is not run again.

    Streams are the outer loop: to make one takes longer than to score it with the cheap detectors.

    Args:
        named: The detector, and the digest of its code.
        detector: A class that extends `Scored`.
        settings: All that it is run with, without a threshold.
        plan: Which streams.
        known: An encoder's name and its pools.
        folder: Where files are kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for key, (scenario, seed) in plan.keys(*named).items():
        stream = None
        for one in settings:
            text = json.dumps([*key, one], sort_keys=True)
            path = folder / f"{sha256(text.encode()).hexdigest()[:24]}.npz"
            if not path.exists():
                stream = stream or plan.stream(scenario, seed, known)
                made = detector(**one)
                made.fit(stream.past)
                scores = np.array([made.score(seen) for seen in Watched.of(stream).seen])
                _write(path, scores=scores, changes=np.array(stream.changes, int), quiet=made.quiet)
            yield {
                "settings": one,
                "scenario": scenario.name,
                "seed": seed,
                "length": key[-1],
                "file": str(path),
            }


def _write(path: Path, **arrays: Any) -> None:
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez_compressed(file, **arrays)
    part.replace(path)

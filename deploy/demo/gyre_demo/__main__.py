"""`python -m gyre_demo`: play the story on the stack of GYRE_PORT_BASE, say how it went."""

import argparse
import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gyre_client import GyreError
from gyre_demo.plan import Plan
from gyre_demo.stage import stage
from gyre_demo.story import Story
from gyre_demo.trail import Stuck
from gyre_models.shifts import Case

ROUTE = "default"
DROP = 0.2  # that the shift must cost, or there was nothing to win back
SHARE = 0.8  # of that drop, that must be won back


async def play(seed: int, plan: Plan, began: float, shuffled: bool) -> dict[str, Any]:
    """Play the story; return its figures, with `failures`: what was not as it had to be."""
    base = int(os.environ.get("GYRE_PORT_BASE", "8000"))
    failures: list[str] = []
    async with stage(base, ROUTE, seed, plan, began) as on:
        story, figures = on.story, on.story.figures
        try:
            await story.prepare(on.known, on.past)
            await story.control(on.known)
            await story.shift(on.moved, wrong(on.moved.taught, seed) if shuffled else None)
            await story.train(on.moved)
            await story.release(on.moved)
            if figures.adapter:
                await story.recover(on.moved)
                failures += missing(await story.lineage())
        except (Stuck, GyreError, TimeoutError) as error:
            failures.append(str(error) or repr(error))
    if shuffled:
        if not figures.rejected:
            failures.append("a candidate trained on shuffled answers was not stopped")
    else:
        failures += shortcomings(story)
    return {
        "model": os.environ.get("MODEL", "reference"),
        "seed": seed,
        "quality_before": round(figures.before, 4),
        "quality_shifted": round(figures.shifted, 4),
        "quality_recovered": round(figures.recovered, 4),
        "events_to_detection": figures.events_to_detection,
        "seconds_total": round(on.telling.seconds, 1),
        "false_alarms_before_shift": figures.false_alarms,
        "adapter": figures.adapter,
        "rejected": figures.rejected,
        "trace": on.trail.topics(),
        "failures": failures,
    }


def wrong(cases: Iterable[Case], seed: int) -> dict[str, str]:
    """Return for every question the answer of another one."""
    cases = list(cases)
    answers = [case.answer(1) for case in cases]
    random.Random(seed).shuffle(answers)
    return {case.question: answer for case, answer in zip(cases, answers, strict=True)}


def shortcomings(story: Story) -> list[str]:
    """Return what the loop did not achieve."""
    figures = story.figures
    drop = figures.before - figures.shifted
    found = []
    if not figures.adapter:
        found.append(f"no adapter was promoted: {figures.rejected or 'the loop did not get there'}")
    if drop < DROP:
        found.append(f"the shift cost {drop:.2f} of quality, expected {DROP} or more")
    if figures.recovered - figures.shifted < SHARE * drop:
        found.append(f"quality {figures.recovered:.2f} is less than {SHARE:.0%} of the drop back")
    if figures.false_alarms:
        found.append(f"{figures.false_alarms} alarms before the shift")
    return found


def missing(lineage: dict[str, Any]) -> list[str]:
    """Return what the lineage of an answer of the new adapter should name and does not."""
    parts = ("chunks", "prompt", "adapter", "rollout", "training", "dataset", "drift", "gate")
    return [f"the lineage names no {part}" for part in parts if not lineage.get(part)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--began", type=float, default=None, help="Unix time; default: now")
    parser.add_argument("--shuffled", action="store_true", help="people correct with nonsense")
    parser.add_argument("--result", type=Path, help="a file for the figures")
    given = parser.parse_args()
    began = time.monotonic() - (time.time() - given.began if given.began else 0)
    plan = Plan.of(os.environ.get("MODEL", "reference"))
    result = asyncio.run(play(given.seed, plan, began, given.shuffled))
    for failure in result["failures"]:
        sys.stdout.write(f"FAILED: {failure}\n")
    line = json.dumps(result)
    if given.result:
        given.result.parent.mkdir(parents=True, exist_ok=True)
        given.result.write_text(line + "\n")
    sys.stdout.write(line + "\n")
    sys.exit(1 if result["failures"] else 0)


if __name__ == "__main__":
    main()

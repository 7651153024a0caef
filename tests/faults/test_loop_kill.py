"""kill -9 of every part of the loop while it turns: it closes, with one training, one promotion."""

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest

from gyre_demo.stage import Stage, stage

from ..conftest import Stack
from ..flow.test_loop import SHORT

# What the adapter is worth is measured there; here it only has to come, once.
PLAN = replace(SHORT, control=40, measured=10)


class Killer:
    """Ends programs of a stack the hard way, each once."""

    def __init__(self, stack: Stack) -> None:
        self._supervisor = stack.supervisor
        self.killed: list[str] = []

    def kill(self, program: str) -> None:
        pid = self._supervisor.processes()[program].pid
        assert pid, f"{program} does not run"
        os.kill(pid, signal.SIGKILL)
        self.killed.append(program)

    async def kill_when(self, on: Stage, found: Callable[[], bool], *programs: str) -> None:
        await on.trail.until(found, f"the moment to kill {programs}", 900)
        for program in programs:
            await asyncio.to_thread(self.kill, program)


@pytest.mark.timeout(1_500)
async def test_the_loop_closes_once_whatever_is_killed_on_the_way(stack: Stack) -> None:
    killer = Killer(stack)
    route = f"killed-{uuid4().hex[:8]}"
    async with stage(stack.base, route, seed=2, plan=PLAN) as on:
        story, trail = on.story, on.trail
        await story.prepare(on.known, on.past)
        await story.control(on.known)
        killer.kill("drift")
        kills = [
            killer.kill_when(on, lambda: bool(trail.of("drift-detected")), "feedback"),
            killer.kill_when(on, lambda: bool(trail.of("retraining-requested")), "finetune"),
            killer.kill_when(
                on,
                lambda: any(one.value["step"] > 5 for one in trail.of("training-progressed")),
                "finetune-runner",
            ),
            killer.kill_when(on, lambda: bool(trail.of("adapter-trained")), "inference"),
            killer.kill_when(
                on, lambda: bool(trail.of("adapter-loaded")), "evaluation", "evaluation-runner"
            ),
            killer.kill_when(
                on, lambda: bool(trail.of("rollout-changed", stage="canary")), "registry"
            ),
        ]
        killing = asyncio.gather(*kills)
        try:
            await story.shift(on.moved)
            await story.train(on.moved)
            await story.release(on.moved)
        finally:
            killing.cancel()
            await asyncio.gather(killing, return_exceptions=True)

        assert story.figures.adapter, story.figures.rejected
        assert set(killer.killed) == {
            "drift",
            "feedback",
            "finetune",
            "finetune-runner",
            "evaluation",
            "evaluation-runner",
            "inference",
            "registry",
        }
        assert len({one.value["job_id"] for one in trail.of("retraining-requested")}) == 1
        assert {one.value["adapter_digest"] for one in trail.of("adapter-trained")} == {
            story.figures.adapter
        }
        assert len(story.promotions()) == 1

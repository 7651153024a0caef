"""The loop, closed with no human step: a short story of the demo's, on a route of its own.

Every part of it is killed once while it turns: it closes all the same, with one training and one
promotion.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from uuid import uuid4

import pytest

from gyre_demo.__main__ import missing
from gyre_demo.plan import Plan
from gyre_demo.stage import Stage, stage

from ..conftest import Stack

SHORT = Plan(
    things=40,
    past=300,
    moved=60,
    baseline=1_000,  # with fewer the usual is known too badly: one in thirty raises an alarm
    control=60,
    measured=40,
    suite=20,
    floor=90,
    steps=160,
    evidence=8,
)


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


@pytest.mark.timeout(1_800)
async def test_a_shift_ends_in_one_adapter_that_can_be_explained_and_taken_back_whatever_is_killed(
    stack: Stack,
) -> None:
    killer = Killer(stack)
    route = f"loop-{uuid4().hex[:8]}"
    async with stage(stack.base, route, seed=1, plan=SHORT) as on:
        story, trail = on.story, on.trail
        await story.prepare(on.known, on.past)
        await story.control(on.known)
        assert story.figures.false_alarms == 0
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
        assert [change["arms"][0]["adapter_digest"] for change in story.promotions()] == [
            story.figures.adapter
        ]
        await story.recover(on.moved)

        assert story.figures.recovered - story.figures.shifted >= 0.2
        assert missing(await story.lineage()) == []

        await on.gyre.rollback(route=route, reason="a test takes it back")
        await trail.until(
            lambda: trail.of("rollout-changed")[-1].value["arms"][0]["adapter_digest"] is None,
            "production is the base again",
            30,
        )
        assert "a test takes it back" in trail.of("rollout-changed")[-1].value["reason"]

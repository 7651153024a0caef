"""The loop, closed with no human step: a short story of the demo's, on a route of its own."""

from uuid import uuid4

import pytest

from gyre_demo.__main__ import missing
from gyre_demo.plan import Plan
from gyre_demo.stage import stage

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


@pytest.mark.timeout(1_500)
async def test_a_shift_ends_in_a_promoted_adapter_that_can_be_explained_and_taken_back(
    stack: Stack,
) -> None:
    route = f"loop-{uuid4().hex[:8]}"
    async with stage(stack.base, route, seed=1, plan=SHORT) as on:
        story = on.story
        await story.prepare(on.known, on.past)
        await story.control(on.known)
        assert story.figures.false_alarms == 0
        await story.shift(on.moved)
        await story.train(on.moved)
        await story.release(on.moved)
        assert story.figures.adapter, story.figures.rejected
        assert [change["arms"][0]["adapter_digest"] for change in story.promotions()] == [
            story.figures.adapter
        ]
        await story.recover(on.moved)

        assert story.figures.recovered - story.figures.shifted >= 0.2
        assert missing(await story.lineage()) == []

        await on.gyre.rollback(route=route, reason="a test takes it back")
        await on.trail.until(
            lambda: on.trail.of("rollout-changed")[-1].value["arms"][0]["adapter_digest"] is None,
            "production is the base again",
            30,
        )
        assert "a test takes it back" in on.trail.of("rollout-changed")[-1].value["reason"]

"""Everything that a story needs: a client, people, worlds, and eyes on the events."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from gyre_client import AsyncGyre
from gyre_demo.people import People
from gyre_demo.plan import Plan
from gyre_demo.story import Story
from gyre_demo.telling import Telling
from gyre_demo.trail import Trail
from gyre_models.shifts import World, known_world, moved_world


@dataclass(frozen=True)
class Stage:
    """A story that can begin, and the worlds it plays in."""

    story: Story
    gyre: AsyncGyre
    trail: Trail
    telling: Telling
    known: World
    past: World  # of the same kind as `known`, other things
    moved: World


@contextlib.asynccontextmanager
async def stage(
    base: int, route: str, seed: int, plan: Plan, began: float | None = None
) -> AsyncIterator[Stage]:
    """Yield a story on the stack at port `base`, with its events being followed.

    Args:
        base: `GYRE_PORT_BASE` of the stack.
        route: Made by the story, with a collection of the same name.
        seed: Of worlds and people.
        plan: How large it is.
        began: On the monotonic clock; default: now.
    """
    telling = Telling(time.monotonic() if began is None else began)
    trail = Trail(f"127.0.0.1:{base + 2}", route, telling.event)
    following = asyncio.create_task(trail.follow())
    try:
        async with AsyncGyre(f"http://127.0.0.1:{base}", "local") as gyre:
            people = People(gyre, route, seed)
            yield Stage(
                Story(gyre, people, trail, telling, plan, route),
                gyre,
                trail,
                telling,
                known_world(seed, plan.things),
                known_world(seed + 10_000, plan.past),
                moved_world(seed, plan.moved),
            )
    finally:
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following

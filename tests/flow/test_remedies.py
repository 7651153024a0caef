"""Four things that go wrong, each with a cause and a remedy of its own, on the real platform."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from safetensors.torch import save_file

from gyre_client import AsyncGyre, GyreError
from gyre_demo.people import People, Reply
from gyre_demo.telling import Telling
from gyre_demo.trail import Trail
from gyre_models.shifts import Case, World, known_world, moved_world
from gyre_service.adapters import CONFIG, WEIGHTS, seal

from ..conftest import Stack
from ..faults.harness.points import Point, armed
from .test_adapters import good

THINGS = 40
BASELINE = 600  # past questions
CONTROL = 110
MOST, AT_A_TIME = 200, 5  # questions until it must have been noticed
SEEN_S = 60.0
POLICY: dict[str, Any] = {
    "max_tokens": 32,
    "drift": {
        "reference_events": BASELINE // 2,
        "calibration_events": BASELINE // 2,
        "score_events": 100,
        "remedy_events": 100,
    },
    "training": {"data_deadline_s": 5},
}


@dataclass(frozen=True)
class Route:
    """A route in a world that it knows.

    Attributes:
        name: Of the route, and of its collection.
        gyre: A client of the stack.
        people: Who ask.
        trail: Of its events.
        usual: Questions of the world that it knows: nobody asks the same again, which would be
            an attack.
    """

    name: str
    gyre: AsyncGyre
    people: People
    trail: Trail
    usual: Iterator[Case]

    async def ask(self, cases: Iterable[Case]) -> list[Reply]:
        return list(await asyncio.gather(*(self.people.ask(case) for case in cases)))

    async def submit(self, world: World) -> None:
        for document in world.documents:
            await self.gyre.submit(document.name, document.text.encode(), self.name)
        names = {document.name for document in world.documents}
        async with asyncio.timeout(120):
            while names:
                listed = self.gyre.documents(collection=self.name, status="indexed")
                names -= {document.name async for document in listed}

    async def known_by_drift(self) -> None:
        """Wait until drift has handled what was asked, and knows what answers are usually like."""
        async with asyncio.timeout(SEEN_S):
            while True:
                [stream] = (await self.gyre.drift(self.name)).streams
                calibrating = [one.name for one in stream.detectors if one.state == "calibrating"]
                if stream.events >= self.people.asked and "grounded" not in calibrating:
                    return
                await asyncio.sleep(0.5)

    async def remedied(self, cases: Iterator[Case], *, bad: bool = False) -> dict[str, Any]:
        """Ask until there is a remedy; return the first that is asked for.

        Args:
            cases: What is asked.
            bad: Whether people dislike each answer, whatever it is.
        """
        for _ in range(0, MOST, AT_A_TIME):
            replies = await self.ask(itertools.islice(cases, AT_A_TIME))
            if bad:
                for reply in replies:
                    await self.gyre.feedback(reply.answer_id, thumb="down")
            if self.trail.of("remedy-requested"):
                break
        await self.trail.until(
            lambda: bool(self.trail.of("remedy-requested")), "a remedy is asked for", SEEN_S
        )
        return self.trail.of("remedy-requested")[0].value


@asynccontextmanager
async def watched(stack: Stack, *approval: str) -> AsyncIterator[Route]:
    """Yield a route that has a reference, and whose answers are known to be good.

    Args:
        stack: That runs.
        approval: Remedies that a person has to agree to.
    """
    name = f"remedy-{uuid4().hex[:8]}"
    trail = Trail(stack.kafka, name, Telling(0).event)
    following = asyncio.create_task(trail.follow())
    try:
        async with AsyncGyre(stack.url, "local") as gyre:
            known = known_world(1, THINGS)
            usual = iter((*known.taught, *known.held_out))
            route = Route(name, gyre, People(gyre, name, 1), trail, usual)
            await route.submit(known)
            drift = POLICY["drift"] | {"approval": approval}
            await gyre.put_route(name, collection=name, policy=POLICY | {"drift": drift})
            past = known_world(10_001, 300)
            cases = (*past.taught, *past.held_out)
            step = len(cases) // BASELINE
            await gyre.import_baseline([c.question for c in cases[::step][:BASELINE]], route=name)
            for reply in await route.ask(itertools.islice(usual, CONTROL)):
                await gyre.feedback(reply.answer_id, thumb="up")
            await route.known_by_drift()
            assert trail.of("drift-detected") == []
            yield route
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


@pytest.mark.timeout(400)
async def test_documents_that_the_index_has_lost_are_put_back(stack: Stack) -> None:
    async with watched(stack) as route:
        with armed(stack.home, Point("retrieval", "lose", containing=route.name)):
            await route.ask(itertools.islice(route.usual, 1))
        remedy = await route.remedied(route.usual)
        assert (remedy["cause"], remedy["remedy"]) == ("knowledge", "re-index")

        async def found() -> bool:
            [reply] = await route.ask(itertools.islice(route.usual, 1))
            return bool(reply.documents)

        async with asyncio.timeout(SEEN_S):
            while not await found():
                pass
        assert route.trail.of("retraining-requested") == []


@pytest.mark.timeout(400)
async def test_a_worse_adapter_is_taken_back(stack: Stack, tmp_path: Path) -> None:
    async with watched(stack) as route:
        base = route.trail.of("rollout-changed")[-1].value["base"]["digest"]
        made = good(tmp_path / "new", base)
        made.folder.mkdir()
        (made.folder / CONFIG).write_text(json.dumps(made.config))
        save_file(made.weights, made.folder / WEIGHTS)
        seal(made.folder, made.base, {})
        rollout = await route.gyre.import_adapter(made.folder, route=route.name)
        await route.trail.until(
            lambda: bool(route.trail.of("adapter-loaded")), "the adapter is loaded", 120
        )
        async with asyncio.timeout(SEEN_S):
            while True:  # the registry may hear of it later than we do
                try:
                    await route.gyre.promote(rollout.id, reason="it looks fine to me")
                    break
                except GyreError:
                    await asyncio.sleep(0.1)

        remedy = await route.remedied(route.usual)
        assert (remedy["cause"], remedy["remedy"]) == ("quality", "re-activate")
        assert remedy["adapter_digest"] is None
        await route.trail.until(
            lambda: route.trail.of("rollout-changed")[-1].value["reason"] == remedy["reason"],
            "the base answers again",
            SEEN_S,
        )
        last = route.trail.of("rollout-changed")[-1].value
        assert last["arms"][0]["adapter_digest"] is None
        assert route.trail.of("retraining-requested") == []


@pytest.mark.timeout(400)
async def test_new_topics_are_to_be_learned(stack: Stack) -> None:
    async with watched(stack) as route:
        moved = moved_world(1, 60)
        await route.submit(moved)
        remedy = await route.remedied(iter(moved.taught))
        assert (remedy["cause"], remedy["remedy"]) == ("input", "retrain")
        await route.trail.until(
            lambda: bool(route.trail.of("retraining-requested")), "a training is asked for", 10
        )
        assert remedy["job_id"] == route.trail.of("retraining-requested")[0].value["job_id"]


@pytest.mark.timeout(400)
async def test_a_changed_policy_is_for_the_prompt(stack: Stack) -> None:
    """The same is asked, and answered as it was: it is not what people want any more."""
    async with watched(stack, "prompt") as route:
        remedy = await route.remedied(route.usual, bad=True)
        assert (remedy["cause"], remedy["remedy"]) == ("concept", "prompt")
        assert remedy["state"] == "proposed"
        async with asyncio.timeout(SEEN_S):
            while not await route.gyre.remedies(route.name):  # noqa: ASYNC110 (it tells nobody)
                await asyncio.sleep(0.2)
        await route.gyre.approve(remedy["remedy_id"], "the prompt is mine")
        await route.trail.until(
            lambda: route.trail.of("remedy-requested")[-1].value["state"] == "approved",
            "the remedy is approved",
            SEEN_S,
        )
        assert route.trail.of("retraining-requested") == []

"""A team whose world moves: what it does, in order. Only public interfaces are used."""

import asyncio
import itertools
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import yaml

from gyre_client import AsyncGyre, GyreError
from gyre_client.loop_results import Stream
from gyre_demo.people import People
from gyre_demo.plan import SUITE, Plan
from gyre_demo.telling import Telling
from gyre_demo.trail import Stuck, Trail
from gyre_models.shifts import Case, World

PAUSE_S = 2.0  # between two questions while the team waits for the loop


@dataclass
class Figures:
    """What the story came to; quality is the share of exactly right answers."""

    before: float = 0
    shifted: float = 0
    recovered: float = 0
    events_to_detection: int = 0
    false_alarms: int = 0
    adapter: str = ""
    rejected: str = ""
    last_answer: str = ""


class Story:
    """One route, one team.

    Args:
        gyre: A client of the stack.
        people: The team.
        trail: Of the route's events, being followed.
        telling: Where it is told.
        plan: How large it is.
        route: The name of the route, and of its collection.
    """

    def __init__(
        self,
        gyre: AsyncGyre,
        people: People,
        trail: Trail,
        telling: Telling,
        plan: Plan,
        route: str,
    ) -> None:
        self._gyre = gyre
        self._people = people
        self._trail = trail
        self._telling = telling
        self._plan = plan
        self._route = route
        self.figures = Figures()

    async def prepare(self, known: World, past: World) -> None:
        """Hand in the documents, say what must be kept, import past questions."""
        await self._submit(known)
        await self._gyre.put_suite(SUITE, suite_of(past, self._plan.suite))
        await self._gyre.put_route(
            self._route, collection=self._route, policy=dict(self._plan.policy())
        )
        # Of all things alike: with many about each of a few, what is asked about others looks new.
        cases = random.Random(0).sample((*past.taught, *past.held_out), self._plan.baseline)
        questions = [case.question for case in cases]
        await self._gyre.import_baseline(questions, route=self._route)
        await self._until_stream(lambda stream: stream.state == "watching")
        self._telling.say(f"a baseline of {self._plan.baseline} past questions is in place")

    async def control(self, known: World) -> None:
        """Live questions in a world that stands still: nothing may happen."""
        taught = itertools.islice(itertools.cycle(known.taught), self._plan.control)
        await self._judged(taught)
        self.figures.before = await self._people.quality(known.held_out[: self._plan.measured])
        asked = self._people.asked
        await self._until_stream(lambda stream: stream.events >= asked)
        self.figures.false_alarms = len(self._trail.of("drift-detected"))
        self._telling.say(
            f"{self._people.asked} live questions: quality {self.figures.before:.2f}, "
            f"{self.figures.false_alarms} alarms"
        )

    async def shift(self, moved: World, corrections: dict[str, str] | None = None) -> None:
        """Other things, other questions, another form of answer; people correct what is wrong.

        Args:
            moved: The world as it is now.
            corrections: By question; default: the right ones.
        """
        await self._submit(moved)
        self._telling.say("the world moves")
        first = self._people.asked
        measured = moved.held_out[: self._plan.measured]
        shifted, _ = await asyncio.gather(
            self._people.quality(measured), self._judged(moved.taught, corrections, self._enough)
        )
        self.figures.shifted = shifted
        self._telling.say(f"quality {shifted:.2f}; people correct the answers")
        await self._until("retraining-requested")
        self.figures.events_to_detection = self._before_detection(first)
        await self._until("dataset-frozen")

    async def train(self, moved: World) -> None:
        """Wait for the adapter, asking now and then."""
        done = asyncio.create_task(self._until("adapter-evaluated"))
        for case in itertools.cycle(moved.held_out):
            await self._people.ask(case)
            ended, _ = await asyncio.wait((done,), timeout=PAUSE_S)
            failed = self._trail.of("training-failed")
            if ended or failed:
                break
        if failed:
            done.cancel()
            raise Stuck(f"the training failed: {failed[0].value['reason']}")
        await done

    async def release(self, moved: World) -> None:
        """Go on asking and judging until the candidate is in production, or is out."""
        waves = _waves(moved.taught)
        deadline = self._telling.seconds + self._plan.patience_s
        while self._ended() is None:
            if self._telling.seconds > deadline:
                raise Stuck(f"the canary has not ended in {self._plan.patience_s:g} s")
            await self._judged(next(waves))
        end = self._ended()
        assert end is not None
        production = next(arm for arm in end["arms"] if arm["name"] == "production")
        if production["adapter_digest"] == self._trained():
            self.figures.adapter = self._trained()
        else:
            self.figures.rejected = end["reason"]

    async def recover(self, moved: World) -> None:
        """Measure what the promoted adapter is worth."""
        while True:
            reply = await self._people.ask(moved.held_out[0])
            if reply.adapter == self.figures.adapter:
                break
        self.figures.last_answer = reply.answer_id
        self.figures.recovered = await self._people.quality(moved.held_out[: self._plan.measured])
        self._telling.say(f"quality {self.figures.recovered:.2f} with the adapter")

    async def lineage(self) -> dict[str, Any]:
        """Return where the last answer came from, once that is known: it comes by an event."""
        async with asyncio.timeout(self._plan.patience_s):
            while True:
                try:
                    found = await self._gyre.lineage(self.figures.last_answer)
                except GyreError as error:
                    if error.status != HTTPStatus.NOT_FOUND:
                        raise
                    await asyncio.sleep(0.5)
                else:
                    return found.model_dump(mode="json")

    async def _submit(self, world: World) -> None:
        for document in world.documents:
            await self._gyre.submit(document.name, document.text.encode(), self._route)
        async with asyncio.timeout(self._plan.patience_s):
            names = {document.name for document in world.documents}
            while names:
                listed = self._gyre.documents(collection=self._route, status="indexed")
                names -= {document.name async for document in listed}
                await asyncio.sleep(0.5)
        self._telling.say(f"{len(world.documents)} documents are indexed")

    async def _judged(
        self,
        cases: Iterable[Case],
        corrections: dict[str, str] | None = None,
        enough: Callable[[], bool] = lambda: False,
    ) -> None:
        async def one(case: Case) -> None:
            if enough():
                return
            reply = await self._people.ask(case)
            await self._people.judge(reply, (corrections or {}).get(case.question))

        await asyncio.gather(*(one(case) for case in cases))

    def _enough(self) -> bool:
        return bool(self._trail.of("dataset-frozen"))

    def _trained(self) -> str:
        return str(self._trail.of("adapter-trained")[-1].value["adapter_digest"])

    def promotions(self) -> list[dict[str, Any]]:
        """Return the changes, each once, by which an adapter came into production."""
        found: dict[int, dict[str, Any]] = {}
        before = None
        for seen in self._trail.of("rollout-changed"):
            arms = {arm["name"]: arm["adapter_digest"] for arm in seen.value["arms"]}
            if arms["production"] not in (None, before):
                found[seen.value["revision"]] = seen.value
            before = arms["production"]
        return list(found.values())

    def _ended(self) -> dict[str, Any] | None:
        """Return the rollout's last change, if it has ended."""
        changes = self._trail.of("rollout-changed")
        begun = [seen for seen in changes if seen.value["stage"] == "candidate"]
        after = changes[changes.index(begun[-1]) :] if begun else []
        return next((seen.value for seen in after if seen.value["stage"] == "steady"), None)

    def _before_detection(self, first: int) -> int:
        """Return how many questions after the shift the first alarm had seen."""
        alarm = self._trail.of("drift-detected")[self.figures.false_alarms].value
        seen = {
            position["partition"]: position["offset"]
            for position in alarm["positions"]
            if position["topic"] == "embedding-observed"
        }
        live = [one for one in self._trail.observed if one.value["purpose"] == "live"]
        until = [one for one in live if one.offset <= seen.get(one.partition, -1)]
        return len(until) - first

    async def _until(self, topic: str) -> None:
        await self._trail.until(lambda: bool(self._trail.of(topic)), topic, self._plan.patience_s)

    async def _until_stream(self, found: Callable[[Stream], bool]) -> None:
        async with asyncio.timeout(self._plan.patience_s):
            while True:
                streams = (await self._gyre.drift(self._route)).streams
                if any(found(stream) for stream in streams):
                    return
                await asyncio.sleep(0.5)


def _waves(cases: tuple[Case, ...], size: int = 12) -> Iterator[tuple[Case, ...]]:
    endless = itertools.cycle(cases)
    while True:
        yield tuple(itertools.islice(endless, size))


def suite_of(world: World, items: int) -> str:
    """Return a suite of a world's questions, each with its document and two others."""
    texts = {document.name: document.text.strip() for document in world.documents}
    names = sorted(texts)
    chosen = []
    for number, case in enumerate(world.held_out[:items]):
        assert case.document is not None
        others = [name for name in names if name != case.document]
        shown = [others[number % len(others)], case.document, others[-1 - number % len(others)]]
        chosen.append(
            {
                "id": f"known-{number}",
                "question": case.question,
                "passages": [{"document": name, "text": texts[name]} for name in shown],
                "expected": case.value,
            }
        )
    suite = {"description": "What the model knew before the world moved.", "items": chosen}
    return yaml.safe_dump(suite, sort_keys=False, allow_unicode=True)

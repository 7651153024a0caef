"""The loop: what drift sees, what is trained, what is on its way to production."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count, islice
from pathlib import Path

from gyre_client import calls
from gyre_client.calls import Call, said
from gyre_client.connection import AsyncConnection, Connection
from gyre_client.errors import GyreError
from gyre_client.loop_results import (
    Accepted,
    Adapter,
    Alarm,
    Drift,
    Job,
    Lineage,
    Remedy,
    Review,
    Rollout,
)

UNDER_WAY = ("candidate", "canary")
PRODUCTION = "production"
BATCH = 256  # past questions a request
FILES = ("adapter_config.json", "adapter_model.safetensors")


class Loop(Connection):
    """The part of the client that is about the loop."""

    def import_baseline(
        self, questions: Iterable[str], *, route: str = "default", again: bool = False
    ) -> int:
        """Let drift learn at once what is usual; return how many past questions it got.

        The same questions in the same order count once, so that an import that broke off can be
        repeated; with `again` they count anew, as a new reference wants.
        """
        batches = _baselines(questions, route, again=again)
        return sum(self._do(Accepted, call).accepted for call in batches)

    def drift(self, route: str | None = None) -> Drift:
        """Return every detector of a route, or of all, with its statistic and threshold."""
        return self._do(Drift, Call("GET", "/v1/drift", params=said(route=route)))

    def alarms(self, route: str | None = None, limit: int = 50) -> list[Alarm]:
        """Return the newest alarms first."""
        return list(self._page(Alarm, calls.listing("/v1/drifts", limit, route=route)).data)

    def remedies(
        self, route: str | None = None, limit: int = 50, state: str | None = None
    ) -> list[Remedy]:
        """Return what was decided about drift, or waits (`proposed`), the newest first."""
        return list(self._page(Remedy, _remedies(route, limit, state)).data)

    def approve(self, remedy_id: str, reason: str = "") -> Review:
        """Agree to a proposed remedy; it is carried out as soon as nothing else holds it."""
        return self._do(Review, _decision("remedies", "approve", remedy_id, reason))

    def refuse(self, remedy_id: str, reason: str = "") -> Review:
        """Refuse a proposed remedy; the next one of the policy is tried."""
        return self._do(Review, _decision("remedies", "refuse", remedy_id, reason))

    def jobs(self, route: str | None = None, limit: int = 50) -> list[Job]:
        """Return the newest trainings first."""
        return list(self._page(Job, calls.listing("/v1/jobs", limit, route=route)).data)

    def job(self, id: str) -> Job:
        return self._do(Job, calls.one("/v1/jobs", id))

    def rollouts(self, route: str | None = None) -> list[Rollout]:
        """Return the newest rollouts first."""
        call = Call("GET", "/v1/rollouts", params=said(route=route))
        return list(self._page(Rollout, call).data)

    def promote(
        self, rollout_id: str | None = None, *, route: str | None = None, reason: str = ""
    ) -> Rollout:
        """Put what is under way into production: a rollout, or that of a route."""
        return self._decide("promote", rollout_id, route, reason)

    def rollback(
        self, rollout_id: str | None = None, *, route: str | None = None, reason: str = ""
    ) -> Rollout:
        """End what is under way, or take back what is in production."""
        return self._decide("rollback", rollout_id, route, reason)

    def _decide(self, act: str, rollout_id: str | None, route: str | None, reason: str) -> Rollout:
        _check_choice(act, rollout_id, route)
        if route is not None:
            rollout_id = _current(self.rollouts(route), route)
        return self._do(Rollout, _decision("rollouts", act, str(rollout_id), reason))

    def lineage(self, answer_id: str) -> Lineage:
        """Return where an answer came from."""
        return self._do(Lineage, _lineage(answer_id))

    def adapters(self, route: str | None = None) -> list[Adapter]:
        """Return the newest adapters first."""
        call = Call("GET", "/v1/adapters", params=said(route=route))
        return list(self._page(Adapter, call).data)

    def import_adapter(self, folder: Path, *, route: str = "default") -> Rollout:
        """Bring a LoRA adapter as peft saves it; it goes the way of every other one."""
        return self._do(Rollout, _adapter(folder, route))


class AsyncLoop(AsyncConnection):
    """`Loop` of the async client."""

    async def import_baseline(
        self, questions: Iterable[str], *, route: str = "default", again: bool = False
    ) -> int:
        total = 0
        for call in _baselines(questions, route, again=again):
            total += (await self._do(Accepted, call)).accepted
        return total

    async def drift(self, route: str | None = None) -> Drift:
        return await self._do(Drift, Call("GET", "/v1/drift", params=said(route=route)))

    async def alarms(self, route: str | None = None, limit: int = 50) -> list[Alarm]:
        return list((await self._page(Alarm, calls.listing("/v1/drifts", limit, route=route))).data)

    async def remedies(
        self, route: str | None = None, limit: int = 50, state: str | None = None
    ) -> list[Remedy]:
        return list((await self._page(Remedy, _remedies(route, limit, state))).data)

    async def approve(self, remedy_id: str, reason: str = "") -> Review:
        return await self._do(Review, _decision("remedies", "approve", remedy_id, reason))

    async def refuse(self, remedy_id: str, reason: str = "") -> Review:
        return await self._do(Review, _decision("remedies", "refuse", remedy_id, reason))

    async def jobs(self, route: str | None = None, limit: int = 50) -> list[Job]:
        return list((await self._page(Job, calls.listing("/v1/jobs", limit, route=route))).data)

    async def job(self, id: str) -> Job:
        return await self._do(Job, calls.one("/v1/jobs", id))

    async def rollouts(self, route: str | None = None) -> list[Rollout]:
        call = Call("GET", "/v1/rollouts", params=said(route=route))
        return list((await self._page(Rollout, call)).data)

    async def promote(
        self, rollout_id: str | None = None, *, route: str | None = None, reason: str = ""
    ) -> Rollout:
        return await self._decide("promote", rollout_id, route, reason)

    async def rollback(
        self, rollout_id: str | None = None, *, route: str | None = None, reason: str = ""
    ) -> Rollout:
        return await self._decide("rollback", rollout_id, route, reason)

    async def _decide(
        self, act: str, rollout_id: str | None, route: str | None, reason: str
    ) -> Rollout:
        _check_choice(act, rollout_id, route)
        if route is not None:
            rollout_id = _current(await self.rollouts(route), route)
        return await self._do(Rollout, _decision("rollouts", act, str(rollout_id), reason))

    async def lineage(self, answer_id: str) -> Lineage:
        return await self._do(Lineage, _lineage(answer_id))

    async def adapters(self, route: str | None = None) -> list[Adapter]:
        call = Call("GET", "/v1/adapters", params=said(route=route))
        return list((await self._page(Adapter, call)).data)

    async def import_adapter(self, folder: Path, *, route: str = "default") -> Rollout:
        return await self._do(Rollout, _adapter(folder, route))


def _baselines(questions: Iterable[str], route: str, *, again: bool) -> Iterator[Call]:
    rest = iter(questions)
    for number in count():
        part = list(islice(rest, BATCH))
        if not part:
            return
        call = Call("POST", "/v1/baselines", json={"route": route, "questions": part})
        if not again:
            text = json.dumps(["baseline", route, number, part]).encode()
            call = replace(call, key=hashlib.sha256(text).hexdigest())
        yield call


def _remedies(route: str | None, limit: int, state: str | None) -> Call:
    return calls.listing("/v1/remedies", limit, route=route, state=state)


def _check_choice(act: str, rollout_id: str | None, route: str | None) -> None:
    if (rollout_id is None) == (route is None):
        raise GyreError(f"say what to {act}: a rollout's id, or a route")


def _current(newest_first: Sequence[Rollout], route: str) -> str:
    """Return the rollout that a route means: under way, else in production, else the newest.

    It is looked up once, before anything is decided: a decision by the route's name, sent again
    because its answer was lost, would meet the rollout that came next.
    """
    if not newest_first:
        raise GyreError(f"there is no rollout on route {route}")
    for stages in (UNDER_WAY, (PRODUCTION,)):
        for rollout in newest_first:
            if rollout.stage in stages:
                return rollout.id
    return newest_first[0].id


def _decision(kind: str, act: str, id: str, reason: str) -> Call:
    thing = calls.one(f"/v1/{kind}", id, "POST")
    return Call("POST", f"{thing.path}/{act}", json={"reason": reason})


def _lineage(answer_id: str) -> Call:
    return Call("GET", calls.one("/v1/answers", answer_id).path + "/lineage")


def _adapter(folder: Path, route: str) -> Call:
    files = {}
    for name in FILES:
        try:
            content = (folder / name).read_bytes()
        except OSError as error:
            raise GyreError(
                f"{folder} is no adapter of peft: {name}: {error.strerror}; expected are {FILES}"
            ) from error
        files[name] = (name, content, "application/octet-stream")
    return Call("POST", "/v1/adapters", files=files, form={"route": route})

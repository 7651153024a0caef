import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from faststream.kafka import TestKafkaBroker
from sqlmodel import select

from gyre_events import AdapterTrained, Dataset, Event, RetrainingRequested, TrainingFailed
from gyre_finetune import failing, past
from gyre_finetune.handlers import router
from gyre_finetune.settings import Settings
from gyre_finetune.store import Training
from gyre_service.database import Sessions, snapshot
from gyre_service.kafka import Broker, Router

from .conftest import DIGEST, frozen, published, requested

PARTS = {name: Dataset(digest=DIGEST, examples=1) for name in ("train", "holdout", "replay")}
Send = Callable[..., Awaitable[None]]
End = Callable[[RetrainingRequested], Event]


@pytest.fixture
async def send(settings: Settings, sessions: Sessions) -> AsyncIterator[Send]:
    async with sending(settings, sessions, router) as found:
        yield found


@asynccontextmanager
async def sending(settings: Settings, sessions: Sessions, *routers: Router) -> AsyncIterator[Send]:
    broker = Broker(settings)
    for each in routers:
        broker.include_router(each)
    broker.context.set_global("sessions", sessions)

    async def publish(event: Event, tenant: str = "acme", source: str = "/gyre/test") -> None:
        headers = {
            "ce_specversion": "1.0",
            "ce_id": f"{event.topic}-{event.job_id}",  # type: ignore[attr-defined]
            "ce_source": source,
            "ce_type": f"gyre.{event.topic}",
            "ce_time": "2026-01-01T00:00:00Z",
            "ce_tenant": tenant,
            "content-type": "application/json",
        }
        body = event.model_dump_json().encode()
        await broker.publish(body, topic=event.topic, headers=headers)

    async with TestKafkaBroker(broker):
        yield publish


def trained(digest: str) -> End:
    def end(request: RetrainingRequested) -> Event:
        return AdapterTrained(
            job_id=request.job_id,
            route=request.route,
            base=request.base,
            adapter_digest=digest,
            adapter_uri="/adapters/a",
            train=DIGEST,
            replay=DIGEST,
            examples=1,
            replayed=1,
            steps=1,
            loss=0.1,
            seconds=1.0,
            seed=0,
            decided_at=request.decided_at,
        )

    return end


def failed(reason: str) -> End:
    def end(request: RetrainingRequested) -> Event:
        return TrainingFailed(
            job_id=request.job_id,
            route=request.route,
            reason=reason,
            decided_at=request.decided_at,
        )

    return end


async def row(sessions: Sessions, job_id: UUID, tenant: str = "acme") -> Training | None:
    async with snapshot(sessions) as session:
        return await session.get(Training, (tenant, job_id))


@pytest.mark.parametrize("first", ["request", "dataset"])
async def test_a_job_is_ready_when_both_are_there_whichever_comes_first(
    send: Send, sessions: Sessions, first: str
) -> None:
    request = requested()
    events: list[Any] = [request, frozen(request.job_id, PARTS)]
    if first == "dataset":
        events.reverse()

    await send(events[0])
    waiting = await row(sessions, request.job_id)
    await send(events[1])
    ready = await row(sessions, request.job_id)

    assert waiting is not None
    assert waiting.state == "waiting"
    assert ready is not None
    assert ready.state == "ready"


async def test_what_comes_again_does_not_begin_again(send: Send, sessions: Sessions) -> None:
    request = requested()
    await send(request)
    await send(frozen(request.job_id, PARTS))
    async with sessions.begin() as session:
        job = await session.get_one(Training, ("acme", request.job_id))
        job.state = "done"
        session.add(job)

    await send(request)
    await send(frozen(request.job_id, PARTS))

    again = await row(sessions, request.job_id)
    assert again is not None
    assert again.state == "done"


async def test_tenants_have_jobs_of_their_own(send: Send, sessions: Sessions) -> None:
    request = requested()
    await send(request, tenant="acme")
    await send(frozen(request.job_id, PARTS), tenant="umbrella")

    for tenant in ("acme", "umbrella"):
        job = await row(sessions, request.job_id, tenant)
        assert job is not None
        assert job.state == "waiting"


@pytest.mark.parametrize("frozen_at", [None, datetime(2026, 1, 2, tzinfo=UTC)])
async def test_a_job_is_superseded_by_one_that_had_no_data_when_it_was_decided(
    send: Send, sessions: Sessions, frozen_at: datetime | None
) -> None:
    earlier, later, last = requested(), requested(), requested()
    last = last.model_copy(update={"decided_at": datetime(2026, 1, 9, tzinfo=UTC)})
    await send(earlier)
    if frozen_at is not None:
        await send(frozen(earlier.job_id, PARTS))

    await send(later)
    await send(later)
    await send(earlier)
    await send(later, tenant="umbrella")
    await send(last)

    [(tenant, _, event)] = await published(sessions)
    assert tenant == "acme"
    assert isinstance(event, TrainingFailed)
    assert event.job_id == later.job_id
    assert f"superseded by the job {earlier.job_id} of the same route" in event.reason
    for request, state in ((later, "superseded"), (last, "waiting")):
        job = await row(sessions, request.job_id)
        assert job is not None
        assert job.state == state


async def test_a_job_without_a_dataset_fails_after_its_deadline(
    send: Send, sessions: Sessions
) -> None:
    passed = datetime.now(UTC) - timedelta(seconds=60)
    await send(requested().model_copy(update={"data_deadline": passed}))

    await failing.fail_once(sessions, grace_s=3600)
    assert await published(sessions) == []
    await failing.fail_once(sessions, grace_s=30)
    await failing.fail_once(sessions, grace_s=30)

    [(tenant, _, event)] = await published(sessions)
    assert tenant == "acme"
    assert isinstance(event, TrainingFailed)
    assert "it takes 200 curated examples from 40 conversations" in event.reason


async def test_what_came_in_time_while_we_were_away_is_read_before_anything_is_overdue(
    send: Send, sessions: Sessions
) -> None:
    request = requested()
    await send(request)
    looking = asyncio.create_task(failing.fail_overdue(sessions, grace_s=2))

    await asyncio.sleep(0.5)
    await send(frozen(request.job_id, PARTS))
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)

    job = await row(sessions, request.job_id)
    assert job is not None
    assert (job.state, await published(sessions)) == ("ready", [])


@pytest.mark.parametrize(
    ("end", "state", "outcome"),
    [
        (trained(DIGEST), "done", DIGEST),
        (failed("its data is gone"), "failed", "its data is gone"),
    ],
)
async def test_a_replay_learns_from_our_own_events_how_a_job_ended(
    settings: Settings, sessions: Sessions, end: End, state: str, outcome: str
) -> None:
    request = requested()
    async with sending(settings, sessions, router, past.router) as send:
        await send(request)
        await send(frozen(request.job_id, PARTS))
        await send(failed("it is not theirs to say")(request))
        await send(trained(DIGEST)(requested()))  # of a job that we never had
        await send(end(request), source=past.SOURCE)
        await send(failed("said again")(request), source=past.SOURCE)

    found = await row(sessions, request.job_id)
    assert found is not None
    assert (found.state, found.outcome) == (state, outcome)
    async with snapshot(sessions) as session:
        assert len((await session.exec(select(Training))).all()) == 1

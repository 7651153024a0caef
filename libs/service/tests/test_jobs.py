import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, get_current_span
from sqlalchemy import event
from sqlmodel import col, update

from gyre_service import jobs
from gyre_service.database import Sessions, open_database, transaction
from gyre_service.errors import Unavailable
from gyre_service.ids import now
from gyre_service.jobs import READY, RUNNING, Job, LostLease, claim, held, renew, work


class Sum(Job, table=True):
    """A job for tests only."""

    __tablename__: ClassVar[str] = "test_sum"

    result: int | None = None


@pytest.fixture
async def sessions(tmp_path: Path) -> AsyncIterator[Sessions]:
    async with open_database(f"sqlite+aiosqlite:///{tmp_path / 'jobs.db'}") as sessions:
        yield sessions


async def add(sessions: Sessions, *numbers: int, state: str = READY) -> None:
    async with transaction(sessions) as session:
        for number in numbers:
            session.add(Sum(tenant="acme", job_id=UUID(int=number), state=state))


async def get(sessions: Sessions, number: int) -> Sum:
    async with transaction(sessions) as session:
        return await session.get_one(Sum, ("acme", UUID(int=number)))


async def finish(sessions: Sessions, job: Sum, result: int = 1) -> None:
    async with transaction(sessions) as session:
        row = await held(session, job)
        row.state, row.result = "done", result
        session.add(row)


async def run(sessions: Sessions, do: object, until: asyncio.Event, lease_s: float = 15) -> None:
    working = asyncio.create_task(
        work(sessions, Sum, do, lease_s=lease_s, poll_s=0.01)  # type: ignore[arg-type]
    )
    waiting = asyncio.create_task(until.wait())
    await asyncio.wait((working, waiting), return_when="FIRST_COMPLETED", timeout=10)
    assert until.is_set(), working
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def test_a_job_is_claimed_once_and_only_when_it_is_ready(sessions: Sessions) -> None:
    await add(sessions, 1)
    await add(sessions, 2, state="waiting")

    first = await claim(sessions, Sum, 15)

    assert first is not None
    assert (first.job_id, first.token) == (UUID(int=1), 1)
    assert await claim(sessions, Sum, 15) is None


async def test_the_oldest_is_claimed_first_whether_ready_or_left_by_a_dead_runner(
    sessions: Sessions,
) -> None:
    await add(sessions, 3, 1, 2)
    async with transaction(sessions) as session:
        await session.exec(update(Sum).values(created_at=now()))
        dead = update(Sum).where(col(Sum.job_id) == UUID(int=2)).values(state=RUNNING)
        await session.exec(dead)

    claimed = [await claim(sessions, Sum, 15) for _ in range(4)]

    assert [job and job.job_id.int for job in claimed] == [1, 2, 3, None]


async def test_a_claim_sorts_no_jobs(sessions: Sessions) -> None:
    asked: list[tuple[str, Any]] = []

    def ask(_: Any, __: Any, statement: str, values: Any, *___: Any) -> None:
        asked.append((statement, values))

    engine = sessions.kw["bind"].sync_engine
    event.listen(engine, "before_cursor_execute", ask)
    await claim(sessions, Sum, 15)
    event.remove(engine, "before_cursor_execute", ask)

    async with transaction(sessions) as session:
        connection = await session.connection()
        for statement, values in asked:
            explained = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            assert [row.detail for row in explained] == [
                "SEARCH test_sum USING INDEX ix_test_sum_oldest (state=?)"
            ]


async def test_who_lost_its_lease_writes_nothing(sessions: Sessions) -> None:
    await add(sessions, 1)
    old = await claim(sessions, Sum, lease_s=-1)
    new = await claim(sessions, Sum, lease_s=15)
    assert old is not None
    assert new is not None

    assert not await renew(sessions, old, 15)
    with pytest.raises(LostLease, match="taken over after claim 1"):
        await finish(sessions, old, result=7)
    await finish(sessions, new, result=8)

    assert (await get(sessions, 1)).result == 8
    assert await claim(sessions, Sum, 15) is None


async def test_a_renewed_lease_is_nobody_elses(sessions: Sessions) -> None:
    await add(sessions, 1)
    job = await claim(sessions, Sum, lease_s=-1)
    assert job is not None

    assert await renew(sessions, job, 15)

    assert await claim(sessions, Sum, 15) is None


async def test_a_job_longer_than_its_lease_is_done_once(sessions: Sessions) -> None:
    await add(sessions, 1)
    done, tokens = asyncio.Event(), []

    async def do(job: Sum) -> None:
        tokens.append(job.token)
        await asyncio.sleep(3)  # it is the length of the work that is tested
        await finish(sessions, job)
        done.set()

    other = asyncio.create_task(work(sessions, Sum, do, lease_s=1, poll_s=0.01))
    await run(sessions, do, done, lease_s=1)
    other.cancel()
    await asyncio.gather(other, return_exceptions=True)

    assert tokens == [1]


async def test_a_job_for_which_something_is_away_waits_and_is_tried_again(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gyre_service.jobs.PAUSE_S", 0)
    await add(sessions, 1)
    done, tokens = asyncio.Event(), []

    async def do(job: Sum) -> None:
        tokens.append(job.token)
        if job.token == 1:
            raise Unavailable("not now")
        await finish(sessions, job)
        done.set()

    await run(sessions, do, done)

    assert tokens == [1, 2]


@pytest.mark.parametrize("hiccups", [2, 99])
async def test_a_job_goes_on_without_the_database_until_its_lease_ends(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, hiccups: int
) -> None:
    monkeypatch.setattr("gyre_service.jobs.PAUSE_S", 60)
    await add(sessions, 1)
    renewals: list[Any] = []
    enough, ended = asyncio.Event(), asyncio.Event()

    async def hiccup(*args: Any) -> bool:
        renewals.append(args)
        if len(renewals) <= hiccups:
            raise Unavailable("database is locked")
        if len(renewals) == hiccups + 2:
            enough.set()
        return await renew(*args)

    monkeypatch.setattr("gyre_service.jobs.renew", hiccup)

    async def do(job: Sum) -> None:
        try:
            await enough.wait()
        finally:
            ended.set()
        await finish(sessions, job)

    await run(sessions, do, ended, lease_s=0.9)

    assert len(renewals) == (4 if hiccups == 2 else 3)


async def test_a_renewal_that_never_ends_loses_the_lease(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(sessions, 1)
    begun, ended = asyncio.Event(), asyncio.Event()

    async def silent(*_: Any) -> bool:
        return await begun.wait() and await asyncio.Event().wait()

    monkeypatch.setattr("gyre_service.jobs.renew", silent)

    async def do(job: Sum) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    await run(sessions, do, ended, lease_s=0.3)


async def test_a_bug_counts_and_stands_in_nobodys_way(sessions: Sessions) -> None:
    await add(sessions, 1, 2)

    async def do(job: Sum) -> None:
        raise KeyError("answer")

    with pytest.raises(KeyError):
        await work(sessions, Sum, do)

    first, other = await get(sessions, 1), await claim(sessions, Sum, 15)
    assert (first.state, first.failures) == (READY, 1)
    assert other is not None
    assert (other.job_id, other.failures) == (UUID(int=2), 0)


async def test_what_is_taken_over_is_cancelled_here(sessions: Sessions) -> None:
    await add(sessions, 1)
    cancelled = asyncio.Event()

    async def do(job: Sum) -> None:
        async with transaction(sessions) as session:
            row = await held(session, job)
            row.token, row.state = 9, "elsewhere"
            session.add(row)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    await run(sessions, do, cancelled, lease_s=0.1)


async def test_each_attempt_has_a_span_that_says_how_it_ended(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, spans: InMemorySpanExporter
) -> None:
    monkeypatch.setattr(jobs, "PAUSE_S", -1)
    await add(sessions, 1)
    done, inside = asyncio.Event(), set()

    async def do(job: Sum) -> None:
        inside.add(get_current_span().get_span_context().span_id)
        if job.token == 1:
            raise Unavailable("the data is away")
        await finish(sessions, job)
        done.set()

    await run(sessions, do, done)

    ended = spans.get_finished_spans()
    assert inside == {span.context.span_id for span in ended if span.context is not None}
    assert [span.name for span in ended] == ["work test_sum"] * 2
    assert [span.status.status_code for span in ended] == [StatusCode.ERROR, StatusCode.UNSET]
    assert dict(ended[1].attributes or {}) == {
        "gyre.job.id": str(UUID(int=1)),
        "gyre.tenant": "acme",
        "gyre.job.claim": 2,
    }

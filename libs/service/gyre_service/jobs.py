"""Work that outlasts a handler: a row says what, a lease says whose, a token who is stale.

A handler writes the row, a runner process claims it. While it works it renews its lease, and goes
on without the database for as long as that lasts; when it dies the lease ends and the next claim
takes the job over, under a larger fencing token. A runner that was only asleep finds that its
token is not the row's any more, and writes nothing.

Source:
    Fencing tokens: Kleppmann, "Designing Data-Intensive Applications", 2017, chapter 8.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeAlias, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, Index
from sqlalchemy.orm import declared_attr
from sqlmodel import Field, SQLModel, and_, col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_service.database import Sessions, clock, transaction
from gyre_service.errors import Conflict, ServiceError, Unavailable
from gyre_service.ids import now
from gyre_service.telemetry import failing, tracer

log = logging.getLogger(__name__)

READY = "ready"
RUNNING = "running"
PAUSE_S = 2.0  # before a job is tried again for which something was away


class LostLease(ServiceError):
    """Another runner has taken the job over."""


class Job(SQLModel):
    """What every table of jobs has. States besides ready and running are the service's own."""

    tenant: str = Field(primary_key=True)
    job_id: UUID = Field(primary_key=True)
    state: str
    token: int = 0  # grows with each claim
    failures: int = 0  # attempts that ended by themselves: neither kills nor what was away
    lease_until: float = 0  # seconds, by the database's clock; while ready: not to be run before
    created_at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True))

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Index, ...]:
        name = f"ix_{cls.__tablename__}_oldest"
        return (Index(name, "state", "created_at", "job_id"),)


J = TypeVar("J", bound=Job)
Do: TypeAlias = Callable[[J], Awaitable[None]]


async def claim(sessions: Sessions, table: type[J], lease_s: float) -> J | None:
    """Take the oldest job that is ready, or whose runner is dead; None if there is none."""
    async with transaction(sessions) as session:
        database_time = clock(session)
        oldest = [await _oldest(session, table, state) for state in (READY, RUNNING)]
        free = [job for job in oldest if job is not None]
        if not free:
            return None
        found = min(free, key=lambda job: (job.created_at, job.job_id))
        taken = (
            update(table)
            .where(col(table.tenant) == found.tenant, col(table.job_id) == found.job_id)
            .values(state=RUNNING, token=found.token + 1, lease_until=database_time + lease_s)
        )
        await session.exec(taken)
        await session.refresh(found)
        return found


async def _oldest(session: AsyncSession, table: type[J], state: str) -> J | None:
    """Return the oldest free job in one state: of one alone an index has the order."""
    query = (
        select(table)
        .where(col(table.state) == state, col(table.lease_until) < clock(session))
        .order_by(col(table.created_at), col(table.job_id))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return (await session.exec(query)).first()


async def renew(sessions: Sessions, job: Job, lease_s: float) -> bool:
    """Hold `job` for longer; False if it is not ours any more."""
    table = type(job)
    async with transaction(sessions) as session:
        longer = (
            update(table)
            .where(_is_ours(job), col(table.state) == RUNNING)
            .values(lease_until=clock(session) + lease_s)
        )
        return bool((await session.exec(longer)).rowcount)


async def held(session: AsyncSession, job: J) -> J:
    """Return the row of `job`, locked: what the transaction writes for it may be committed.

    Raises:
        LostLease: Another runner has it.
    """
    table = type(job)
    query = select(table).where(_is_ours(job)).with_for_update()
    row = (await session.exec(query.execution_options(populate_existing=True))).first()
    if row is None:
        raise LostLease(f"job {job.job_id}: taken over after claim {job.token}")
    return row


async def work(
    sessions: Sessions,
    table: type[J],
    do: Do[J],
    *,
    lease_s: float = 15,
    poll_s: float = 0.5,
) -> None:
    """Claim one job after the other and `do` it, until cancelled.

    `do` ends the job: in a transaction of its own, with `held`, it sets another state. A job
    that it leaves running is run again when the lease has ended.

    Args:
        sessions: Of the database that has the jobs.
        table: Of the jobs.
        do: Does one. Cancelled when the lease is lost; raises Unavailable to be tried again.
            Any other error counts among the job's `failures` and ends this: it is for `do` to
            end a job that has too many.
        lease_s: After so many seconds without a sign a runner counts as dead.
        poll_s: Between two looks at a table without jobs.
    """
    while True:
        try:
            job = await claim(sessions, table, lease_s)
        except (Unavailable, Conflict) as error:
            log.warning("no job claimed: %s", error)
            job = None
        if job is None:
            await asyncio.sleep(poll_s)
            continue
        log.info("job %s: claim %d", job.job_id, job.token)
        try:
            with _traced(job):
                await _while_held(sessions, job, do, lease_s)
        except LostLease as error:
            log.warning("%s", error)
        except (Unavailable, Conflict) as error:
            log.warning("job %s waits: %s", job.job_id, error)
            await _give_back(sessions, job)
        except Exception:  # a bug: nobody knows whether of the job or of ours
            await _give_back(sessions, job, failures=1)
            raise


@contextmanager
def _traced(job: Job) -> Iterator[None]:
    """Trace an attempt at a job: what it enqueues and whom it calls belong to it."""
    name = str(type(job).__tablename__)
    with tracer.start_as_current_span(f"work {name}") as span:
        span.set_attribute("gyre.tenant", job.tenant)
        span.set_attribute("gyre.job.id", str(job.job_id))
        span.set_attribute("gyre.job.claim", job.token)
        with failing(span, Exception):  # who is told to stop has not failed
            yield


async def _while_held(sessions: Sessions, job: J, do: Do[J], lease_s: float) -> None:
    doing = asyncio.ensure_future(do(job))
    end = time.monotonic() + lease_s
    try:
        while not (await asyncio.wait((doing,), timeout=lease_s / 3))[0]:
            asked = time.monotonic()
            try:
                # A server may never answer. Who was asleep asks all the same: it may be ours still.
                async with asyncio.timeout(max(end - asked, lease_s / 3)):
                    ours = await renew(sessions, job, lease_s)
                if not ours:
                    raise LostLease(f"job {job.job_id}: taken over while it ran")
                end = asked + lease_s
            except TimeoutError as error:
                raise LostLease(f"job {job.job_id}: not renewed until its lease ended") from error
            except (Unavailable, Conflict) as error:
                log.warning("job %s: its lease is not renewed: %s", job.job_id, error)
                if time.monotonic() >= end:  # somebody else may have it now
                    raise
        await doing
    finally:
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)


async def _give_back(sessions: Sessions, job: Job, *, failures: int = 0) -> None:
    table = type(job)
    try:
        async with transaction(sessions) as session:
            back = (
                update(table)
                .where(_is_ours(job), col(table.state) == RUNNING)
                .values(
                    state=READY,
                    lease_until=clock(session) + PAUSE_S,
                    failures=col(table.failures) + failures,
                )
            )
            await session.exec(back)
    except (Unavailable, Conflict) as error:  # then the lease ends by itself
        log.warning("job %s is not given back: %s", job.job_id, error)


def _is_ours(job: Job) -> ColumnElement[bool]:
    table = type(job)
    return and_(
        col(table.tenant) == job.tenant,
        col(table.job_id) == job.job_id,
        col(table.token) == job.token,
    )

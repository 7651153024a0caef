"""What was decided is asked for in SQL: a route's whole past is not read with every event."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from gyre_drift import store
from gyre_drift.tables import Decision
from gyre_events import Base as BaseModel
from gyre_events import Policy, RemedyRequested, RetrainingRequested
from gyre_service.database import Sessions, snapshot, transaction

from .conftest import WHEN

HOUR = timedelta(hours=1)


def training(at: datetime) -> dict[str, Any]:
    event = RetrainingRequested(
        job_id=UUID(int=int(at.timestamp())),
        route="default",
        reason="it has moved",
        base=BaseModel(name="tiny", digest="b" * 64),
        training=Policy().training,
        since=at,
        data_deadline=at,
        decided_at=at,
    )
    return {"topic": event.topic, "event": event.model_dump(mode="json"), "at": at}


def remedy(at: datetime, name: str = "re-activate", **changes: Any) -> dict[str, Any]:
    event = RemedyRequested(
        remedy_id=UUID(int=1),
        cause="input",
        remedy=name,
        reason="it has moved",
        route="default",
        collection="default",
        since=at,
        decided_at=at,
    )
    body = event.model_dump(mode="json") | changes
    return {"topic": event.topic, "event": body, "at": at}


async def keep(sessions: Sessions, *decided: dict[str, Any]) -> None:
    async with transaction(sessions) as session:
        for number, one in enumerate(decided):
            about = {"tenant": "acme", "route": "default", "source": "/gyre/test"} | one
            session.add(Decision(id=str(number), ordinal=0, **about))


async def test_only_what_was_asked_for_of_late_is_read_and_the_last_before(
    sessions: Sessions,
) -> None:
    asked = [training(WHEN + 1 * HOUR), remedy(WHEN + 2 * HOUR), training(WHEN + 9 * HOUR)]
    unread = [
        {"topic": asked[0]["topic"], "event": {}, "at": WHEN},  # nothing that could be read
        remedy(WHEN + 3 * HOUR, state="held"),
        remedy(WHEN + 9 * HOUR, name="retrain"),
        training(WHEN + 9 * HOUR) | {"route": "other"},
    ]
    await keep(sessions, *asked, *unread)

    async with snapshot(sessions) as session:
        late = await store.requests(session, "acme", "default", WHEN + 5 * HOUR)
        earlier = await store.requests(session, "acme", "default", WHEN + 2 * HOUR)

    assert [one.at for one in late] == [WHEN + 2 * HOUR, WHEN + 9 * HOUR]
    assert [one.job is None for one in late] == [True, False]
    assert [one.at for one in earlier] == [one["at"] for one in asked]


async def test_a_remedy_of_a_release_without_states_was_asked_for(sessions: Sessions) -> None:
    old = remedy(WHEN)
    del old["event"]["state"]
    await keep(sessions, old)

    async with snapshot(sessions) as session:
        [asked] = await store.requests(session, "acme", "default", WHEN + HOUR)

    assert asked.at == WHEN


async def test_what_was_said_of_one_remedy_is_read_alone(sessions: Sessions) -> None:
    other = {"topic": RemedyRequested.topic, "event": {"remedy": "retrain"}, "at": WHEN}
    await keep(sessions, other, remedy(WHEN + HOUR), remedy(WHEN, state="held"))

    async with snapshot(sessions) as session:
        said = await store.remedies(session, "acme", "default", "re-activate")

    assert [one.state for one in said] == ["held", "decided"]


async def test_a_job_is_ours_if_it_was_asked_for_on_this_route(sessions: Sessions) -> None:
    one = training(WHEN)
    job = UUID(one["event"]["job_id"])
    await keep(sessions, one)

    async with snapshot(sessions) as session:
        assert await store.is_ours(session, "acme", "default", job)
        assert not await store.is_ours(session, "acme", "other", job)
        assert not await store.is_ours(session, "acme", "default", UUID(int=5))


async def test_a_tenant_finds_its_route_among_those_of_others(sessions: Sessions) -> None:
    for table, more in (("drift_early", ""), ("drift_decision", " AND topic='x' AND at > 'x'")):
        asked = f"EXPLAIN QUERY PLAN SELECT 1 FROM {table} WHERE tenant='a' AND route='b'{more}"
        async with snapshot(sessions) as session:
            plan = str((await (await session.connection()).execute(text(asked))).all())
        assert "(tenant=? AND route=?" in plan

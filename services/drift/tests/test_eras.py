"""Which world is compared with when an adapter answers again, and which ones are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from sqlmodel import col, select

from gyre_drift import store
from gyre_drift.eras import before_this
from gyre_drift.occasion import Occasion
from gyre_drift.tables import Decision, Era, Stream
from gyre_drift.tables import Reference as ReferenceRow
from gyre_drift.watching.deciding import Raised
from gyre_drift.watching.reference import Reference
from gyre_events import Arm, Policy, Prompt, RemedyRequested
from gyre_service.database import Sessions, snapshot, transaction
from gyre_service.kafka import Received

from .conftest import ENCODER, POLICY, WHEN, Rollouts, Send, World, baseline, observed, stream

OLD = UUID(int=9)  # a world of before
HOUR = 3_600


def produce(rollouts: Rollouts, at: int, adapter: str | None) -> None:
    """Put an adapter into production, as from a second on."""
    prompt = Prompt(digest="d" * 64, text="Be short.")
    arm = Arm(name="production", share=10_000, prompt=prompt, adapter_digest=adapter)
    when = WHEN + timedelta(seconds=at)
    rollouts.put("acme", policy=Policy(drift=POLICY), arms=(arm,), decided_at=when)


async def remember(sessions: Sessions, encoder: str, asked_at: int) -> None:
    """Keep a world of before, for which its adapter, the base, was asked to be used again."""
    at = WHEN + timedelta(seconds=asked_at)
    asked = RemedyRequested(
        remedy_id=UUID(int=1),
        route="default",
        cause="input",
        remedy="re-activate",
        reason="it has come back",
        collection="default",
        since=at,
        reference_id=OLD,
        decided_at=at,
    )
    vectors = World(2).questions(400)
    content = Reference.build(OLD, vectors, ["?"] * len(vectors)).to_bytes()
    mine: dict[str, Any] = {"tenant": "acme", "route": "default"}
    async with transaction(sessions) as session:
        session.add(Era(**mine, number=-1, adapter=None, reference_id=OLD, since=WHEN))
        session.add(
            ReferenceRow(**mine, reference_id=OLD, encoder=encoder, content=content, made_at=WHEN)
        )
        session.add(
            Decision(
                **mine,
                source="/gyre/test",
                id="asked",
                ordinal=0,
                topic=asked.topic,
                event=asked.model_dump(mode="json"),
                at=at,
            )
        )


async def eras(sessions: Sessions) -> Sequence[Era]:
    async with snapshot(sessions) as session:
        query = select(Era).where(col(Era.tenant) == "acme").order_by(col(Era.number))
        return (await session.exec(query)).all()


@pytest.mark.parametrize(
    ("encoder", "asked_at", "back"),
    [
        (ENCODER.digest, 2 * HOUR, True),
        (ENCODER.digest, 1, False),  # production has changed since
        ("f" * 64, 2 * HOUR, False),  # nothing can be compared with it
    ],
)
async def test_a_world_comes_back_with_its_adapter_if_that_was_asked_for_last(
    send: Send, rollouts: Rollouts, sessions: Sessions, encoder: str, asked_at: int, back: bool
) -> None:
    produce(rollouts, HOUR, "a" * 64)
    await baseline(send, World(1))
    now = (await stream(sessions)).reference_id
    await remember(sessions, encoder, asked_at)

    produce(rollouts, 3 * HOUR, None)
    [question] = World(1).questions(1)
    await send(observed(question), time=WHEN + timedelta(seconds=4 * HOUR))

    assert (await stream(sessions)).reference_id == (OLD if back else now)
    assert [(era.adapter, era.reference_id) for era in await eras(sessions)] == [
        (None, OLD),
        ("a" * 64, now),  # who answers when that world comes back in turn
        (None, OLD if back else now),
    ]


async def test_the_last_worlds_are_kept_however_often_production_changes(
    send: Send, rollouts: Rollouts, sessions: Sessions
) -> None:
    await baseline(send, World(1))
    now = (await stream(sessions)).reference_id
    async with transaction(sessions) as session:
        for number in range(6):  # worlds of before, the newest last
            mine: dict[str, Any] = {
                "tenant": "acme",
                "route": "default",
                "reference_id": UUID(int=number),
            }
            session.add(Era(**mine, number=number - 9, since=WHEN))
            session.add(ReferenceRow(**mine, encoder=ENCODER.digest, content=b"", made_at=WHEN))
    for change in range(1, 8):
        produce(rollouts, change * HOUR, f"{change:064x}")
        [question] = World(1).questions(1)
        await send(observed(question), time=WHEN + timedelta(seconds=(change + 0.5) * HOUR))

    kept = [UUID(int=number) for number in range(2, 6)]
    found = await eras(sessions)
    assert [era.reference_id for era in found] == [*kept, *[now] * 5]
    assert [era.adapter for era in found][-2:] == [f"{change:064x}" for change in (6, 7)]
    async with snapshot(sessions) as session:
        references = (await session.exec(select(ReferenceRow))).all()
    assert {row.reference_id for row in references} == {*kept, now}


@pytest.mark.parametrize(
    ("began", "took", "left", "before"),
    [
        (20.1, 1, False, "b" * 64),
        (20.1, 1, True, None),  # what was left for this one is no better
        (24, 1, False, None),  # it answered well for hours
        (24, 5, False, "b" * 64),  # there is little traffic
        (19, 1, False, None),
    ],
)
async def test_only_what_began_with_an_adapter_is_put_down_to_it(
    sessions: Sessions, began: float, took: float, left: bool, before: str | None
) -> None:
    def at(hours: float) -> datetime:
        return WHEN + timedelta(hours=hours)

    mine: dict[str, Any] = {"tenant": "acme", "route": "default"}
    asked = RemedyRequested(
        remedy_id=UUID(int=1),
        cause="quality",
        remedy="re-activate",
        reason="it is worse",
        route="default",
        collection="default",
        since=at(14),
        adapter_digest="a" * 64,
        decided_at=at(15),
    )
    cause = cast(Received, Caused())
    async with transaction(sessions) as session:
        for number, (name, since) in enumerate((("a", 0), ("b", 10), ("a", 20))):
            one = mine | {"number": number, "adapter": name * 64, "since": at(since)}
            session.add(Era(**one, reference_id=OLD))
        store.decide(session, cause, "default", [asked] if left else [])
        occasion = Occasion(session, cause, at(30), None, Stream(**mine))
        alarm = Raised("1", "grounded", "quality", 9, at(began), at(began + took))
        found = await before_this(occasion, alarm)
    assert (found.adapter if found else None) == before


@dataclass(frozen=True)
class Caused:
    """Stands for what was received."""

    tenant: str = "acme"
    source: str = "/gyre/test"
    id: str = "asked"
    appended: datetime = WHEN

"""A training gets its data as soon as there is enough of it, once, and none that is too old."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_events import AnswerGenerated, Purpose, RetrainingRequested
from gyre_events.control import Base
from gyre_events.policy import TrainingPolicy
from gyre_feedback import store
from gyre_feedback.tables import Request
from gyre_service.database import Sessions, snapshot
from gyre_service.ids import now

from .conftest import DIGEST, Published, Send, answer, feedback, scored

Blob = Callable[[str], Any]
BEFORE, SINCE, AFTER = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"
WHEN_AFTER = datetime.fromisoformat(AFTER)


def request(examples: int = 6, conversations: int = 3, **changes: Any) -> RetrainingRequested:
    fields: dict[str, Any] = {
        "job_id": uuid4(),
        "route": "default",
        "reason": "novelty and thumbs",
        "base": Base(name="tiny", digest=DIGEST),
        "training": TrainingPolicy(
            floor_examples=examples, floor_conversations=conversations, holdout=0.34
        ),
        "since": SINCE,
        "data_deadline": now() + timedelta(hours=1),
        "decided_at": now(),
    }
    return RetrainingRequested(**fields | changes)


async def curated(send: Send, count: int, time: str = AFTER, **changes: Any) -> None:
    """Answers, each about a document of its own, that people correct."""
    for _ in range(count):
        given = answer(**changes)
        await send(given, ce_time=time)
        await send(feedback(given, edited_answer="three years [1]"), ce_time=time)


def ids(blob: Blob, digest: str) -> set[str]:
    return {row["id"] for row in blob(digest)["examples"]}


async def state_of(sessions: Sessions, asked: RetrainingRequested) -> str:
    async with snapshot(sessions) as session:
        row = await store.get_request(session, "acme", asked.job_id)
    assert row is not None
    return row.state


async def test_the_dataset_is_frozen_when_the_floor_is_reached(
    send: Send, published: Published, blob: Blob, sessions: Sessions
) -> None:
    await curated(send, 4, BEFORE)
    asked = request()
    await send(asked)
    await curated(send, 5)
    assert not published.frozen
    assert await state_of(sessions, asked) == "waiting"

    await curated(send, 1)

    [frozen] = published.frozen
    assert (frozen.job_id, frozen.conversations) == (asked.job_id, 6)
    assert (frozen.train.examples, frozen.holdout.examples, frozen.replay.examples) == (4, 2, 4)
    parts = [ids(blob, part.digest) for part in (frozen.train, frozen.holdout, frozen.replay)]
    assert [len(part) for part in parts] == [4, 2, 4]
    assert len(set.union(*parts)) == 10
    await curated(send, 3)
    assert len(published.frozen) == 1


async def test_it_is_frozen_at_once_when_there_is_enough_already(
    send: Send, published: Published
) -> None:
    await curated(send, 6)
    asked = request()
    await send(asked)
    assert [one.job_id for one in published.frozen] == [asked.job_id]


async def test_a_redelivery_publishes_the_same_under_the_same_id(
    send: Send, published: Published
) -> None:
    asked = request()
    await send(asked)
    await curated(send, 5)
    given = answer()
    said = feedback(given, edited_answer="three years [1]")
    await send(given, ce_time=AFTER)
    await send(said, ce_time=AFTER)
    await send(asked)
    await curated(send, 3)
    await send(said, ce_time=AFTER)

    assert len(published.frozen) == 2
    first, second = (one for one in published if one.event in published.frozen)
    assert first == second


async def test_what_another_replica_has_just_frozen_is_not_frozen_again(
    send: Send, published: Published, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = request()
    given = answer()
    await send(given, ce_time=AFTER)
    await curated(send, 5)
    await send(asked)
    lock = store.lock_dataset

    async def freeze_first(session: AsyncSession, tenant: str, route: str) -> None:
        """Let the other replica commit while we wait for the lock."""
        row = await session.get_one(Request, (tenant, asked.job_id))
        row.state = "frozen"
        session.add(row)
        await session.flush()
        await lock(session, tenant, route)

    monkeypatch.setattr(store, "lock_dataset", freeze_first)

    await send(feedback(given, edited_answer="three years [1]"), ce_time=AFTER)

    assert not published.frozen


async def test_what_changes_no_example_is_no_reason_to_look(
    send: Send, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    await curated(send, 2)
    await send(request())
    given = answer()

    async def look(*_: object) -> None:
        raise AssertionError("there is nothing new")

    monkeypatch.setattr(store, "waiting_requests", look)
    await send(feedback(given, comment="thanks"), ce_time=AFTER)
    await send(given, ce_time=AFTER)
    await send(feedback(given, thumb="down"), ce_time=AFTER)
    monkeypatch.undo()

    assert len(published.verdicts) == 4


async def test_below_the_floors_no_example_is_read(
    send: Send, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read(*_: object) -> None:
        raise AssertionError("the floors are not reached")

    monkeypatch.setattr(store, "examples_in_full", read)
    await curated(send, 9, BEFORE)
    # In another zone than that of the answers, whose times have none in SQLite.
    await send(request(since=WHEN_AFTER.astimezone(timezone(timedelta(hours=5)))))
    await curated(send, 5)
    monkeypatch.undo()
    assert not published.frozen

    await curated(send, 1)

    assert len(published.frozen) == 1


@pytest.mark.parametrize("when", ["waiting", "frozen", "expired"])
async def test_a_request_is_superseded_by_one_that_had_no_data_when_it_was_decided(
    send: Send, published: Published, sessions: Sessions, when: str
) -> None:
    decided_at, far = WHEN_AFTER - timedelta(minutes=10), WHEN_AFTER + timedelta(hours=1)
    deadline = decided_at + timedelta(minutes=5) if when == "expired" else far
    earlier = request(data_deadline=deadline, decided_at=decided_at)
    later = request(decided_at=decided_at + timedelta(minutes=1))
    await send(earlier)
    if when == "frozen":
        await curated(send, 6)

    await send(later)
    await send(later)
    await curated(send, 6)

    assert await state_of(sessions, later) == "superseded"
    assert [one.job_id for one in published.frozen] == [earlier.job_id] * (when != "expired")


@pytest.mark.parametrize("earlier", ["frozen", "expired", "another route", "superseded"])
async def test_a_request_that_comes_after_the_data_of_the_one_before_has_its_own(
    send: Send, published: Published, sessions: Sessions, earlier: str
) -> None:
    minute = timedelta(minutes=1)
    expired: dict[str, Any] = {
        "data_deadline": WHEN_AFTER - minute,
        "decided_at": WHEN_AFTER - 2 * minute,
    }
    cases: dict[str, dict[str, Any]] = {"expired": expired, "another route": {"route": "other"}}
    changes = cases.get(earlier, {})
    await send(request(**changes))
    if earlier == "superseded":
        await send(request(data_deadline=now() + timedelta(days=9)))
    await curated(send, 6)
    later = request()

    await send(later)

    assert await state_of(sessions, later) == "frozen"


async def test_conversations_are_counted_too(send: Send, published: Published) -> None:
    await send(request())
    await curated(send, 6, conversation_id=uuid4())
    assert not published.frozen


async def test_after_the_deadline_nobody_waits_any_more(
    send: Send, published: Published, sessions: Sessions
) -> None:
    asked = request(data_deadline=datetime.fromisoformat(BEFORE) - timedelta(seconds=1))
    await send(asked)
    assert await state_of(sessions, asked) == "expired"
    await curated(send, 6)
    assert not published.frozen


@pytest.mark.parametrize("changes", [{"route": "other"}, {"purpose": Purpose.SUITE}])
async def test_only_live_answers_of_the_route_count(
    send: Send, published: Published, changes: dict[str, Any]
) -> None:
    await send(request())
    await curated(send, 6, **changes)
    assert not published.frozen


async def test_another_tenant_does_not_complete_it(send: Send, published: Published) -> None:
    await send(request())
    for _ in range(6):
        given = answer()
        said = feedback(given, edited_answer="three years [1]")
        await send(given, ce_time=AFTER, ce_tenant="umbrella")
        await send(said, ce_time=AFTER, ce_tenant="umbrella")
    assert not published.frozen


async def test_one_document_is_not_enough_for_two_sides(send: Send, published: Published) -> None:
    passages = answer().passages
    await send(request())
    await curated(send, 8, passages=passages)
    assert not published.frozen
    await curated(send, 2)
    assert [one.holdout.examples for one in published.frozen] == [2]


async def frozen_replay(send: Send, published: Published, blob: Blob) -> dict[str, str]:
    """Freeze a dataset; return answer ids and kinds of what it replays."""
    await send(request())
    await curated(send, 6)
    [frozen] = published.frozen
    rows = blob(frozen.replay.digest)["examples"]
    contents = [blob(row["digest"]) for row in rows]
    assert frozen.replay.examples == len(contents)
    return {content["answer_id"]: content["kind"] for content in contents}


async def good(send: Send, *, time: str = BEFORE, early: bool = False) -> AnswerGenerated:
    """An answer that the judge likes; `early`: its scores come before it."""
    given = answer()
    await (send(scored(given)) if early else send(given, ce_time=time))
    await (send(given, ce_time=time) if early else send(scored(given)))
    return given


async def test_good_answers_from_before_are_replayed(
    send: Send, published: Published, blob: Blob
) -> None:
    first, second = await good(send), await good(send, early=True)
    await good(send, time=AFTER)
    assert await frozen_replay(send, published, blob) == {
        str(first.answer_id): "unjudged",
        str(second.answer_id): "unjudged",
    }


async def test_what_people_say_of_a_good_answer_decides(
    send: Send, published: Published, blob: Blob
) -> None:
    praised, disliked = await good(send), await good(send)
    await send(feedback(praised))
    await send(feedback(disliked, thumb="down"))
    later = answer()
    await send(later, ce_time=BEFORE)
    await send(feedback(later, thumb="down"))
    await send(scored(later))
    assert await frozen_replay(send, published, blob) == {str(praised.answer_id): "praised"}


@pytest.mark.parametrize("judged", [True, False])
async def test_what_shares_a_conversation_or_a_document_with_the_holdout_is_not_replayed(
    send: Send, published: Published, blob: Blob, judged: bool
) -> None:
    new = [answer(passages=(*answer().passages, *answer().passages)) for _ in range(6)]
    older: dict[str, set[str]] = {}  # by the conversation of the new one, what is related to it
    for one in new:
        first, second = one.passages
        other = answer().passages
        for changes in (
            {"passages": (second, *other)},
            {"passages": (*other, first)},
            {"conversation_id": one.conversation_id},
        ):
            given = answer(answer="three years", **changes)
            await send(given, ce_time=BEFORE)
            await send(feedback(given) if judged else scored(given))
            older.setdefault(str(one.conversation_id), set()).add(str(given.answer_id))
    await send(request())
    for one in new:
        await send(one, ce_time=AFTER)
        await send(feedback(one, edited_answer="three years"), ce_time=AFTER)

    [frozen] = published.frozen

    held = {
        blob(row["digest"])["conversation_id"] for row in blob(frozen.holdout.digest)["examples"]
    }
    replayed = {blob(row["digest"])["answer_id"] for row in blob(frozen.replay.digest)["examples"]}
    assert len(held) == 2
    assert replayed == set.union(*(older[name] for name in older.keys() - held))


@pytest.mark.parametrize("purpose", [p for p in Purpose if p is not Purpose.LIVE])
async def test_what_nobody_saw_is_not_replayed(
    send: Send, published: Published, blob: Blob, purpose: Purpose
) -> None:
    unseen = answer(purpose=purpose)
    await send(unseen, ce_time=BEFORE)
    await send(scored(unseen))
    assert await frozen_replay(send, published, blob) == {}


@pytest.mark.parametrize(
    "change",
    [{"refused": True}, {"finish_reason": "length"}, {"alone": False}, {"passages": ()}],
)
async def test_bad_answers_and_such_as_a_training_cannot_show_are_not_replayed(
    send: Send, published: Published, blob: Blob, change: dict[str, Any]
) -> None:
    bad, other = answer(), answer(**change)
    for given in (bad, other):
        await send(given, ce_time=BEFORE)
    await send(scored(bad, scores=scored(bad).scores[1:]))
    await send(scored(other))
    assert await frozen_replay(send, published, blob) == {}


async def test_one_document_does_not_fill_the_replay(
    send: Send, published: Published, blob: Blob
) -> None:
    passages = answer().passages
    for _ in range(60):
        given = answer(passages=passages)
        await send(given, ce_time=BEFORE)
        await send(scored(given))
    assert len(await frozen_replay(send, published, blob)) == 50


async def test_a_policy_may_want_no_replay(send: Send, published: Published) -> None:
    await good(send)
    policy = TrainingPolicy(floor_examples=6, floor_conversations=3, holdout=0.34, replay=0)
    await send(request(training=policy))
    await curated(send, 6)
    assert [one.replay.examples for one in published.frozen] == [0]

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import grpc
import pytest
from sqlmodel import select

from gyre_inference import repeats, store
from gyre_inference.repeats import Answers
from gyre_inference.settings import Settings
from gyre_service.database import Sessions, snapshot
from gyre_service.errors import Conflict, Unavailable
from gyre_service.ids import now

from .test_servicer import ACME, asking, complete, published, refusal

WHEN = datetime(2026, 1, 1, tzinfo=UTC)


async def test_a_replica_that_was_killed_lets_go_of_what_it_was_answering(
    sessions: Sessions, make_settings: Callable[..., Settings]
) -> None:
    ours, others = uuid4(), uuid4()
    await Answers(sessions, make_settings(replica="one")).claim("acme", ours, b"question")
    await Answers(sessions, make_settings(replica="two")).claim("acme", others, b"question")

    again = Answers(sessions, make_settings(replica="one"))
    await again.forget_claims()

    assert await again.claim("acme", ours, b"question") is None
    with pytest.raises(Conflict, match="is being answered"):
        await again.claim("acme", others, b"question")


async def test_what_broke_off_while_the_database_was_away_is_let_go_when_it_is_back(
    sessions: Sessions, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, asked = Answers(sessions, make_settings()), uuid4()
    forget, away = store.forget_claim, 2
    monkeypatch.setattr(repeats, "AGAIN_S", 0.01)

    async def locked(*arguments: Any) -> None:
        nonlocal away
        away -= 1
        if away >= 0:
            raise Unavailable("database is locked")
        await forget(*arguments)

    monkeypatch.setattr(store, "forget_claim", locked)
    await answers.claim("acme", asked, b"question")
    await answers.give_up("acme", asked, None)

    assert await answers.claim("acme", asked, b"question") is None
    assert away == -1


async def test_a_process_that_ends_does_not_wait_for_a_database_that_is_away(
    sessions: Sessions, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, asked = Answers(sessions, make_settings()), uuid4()
    monkeypatch.setattr(repeats, "GIVE_UP_S", 0.01)

    async def locked(*_: Any) -> None:
        raise Unavailable("database is locked")

    monkeypatch.setattr(store, "forget_claim", locked)
    await answers.claim("acme", asked, b"question")
    await answers.give_up("acme", asked, None)

    async with asyncio.timeout(1):
        await answers.close()


async def test_what_is_given_up_late_leaves_the_claim_of_who_came_after_it(
    sessions: Sessions, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (Answers(sessions, make_settings()) for _ in range(2))
    asked = uuid4()
    monkeypatch.setattr(repeats, "now", lambda: WHEN)
    await first.claim("acme", asked, b"question")
    monkeypatch.setattr(repeats, "now", lambda: WHEN + timedelta(hours=1))
    await second.claim("acme", asked, b"question")

    await first.give_up("acme", asked, None)

    with pytest.raises(Conflict, match="is being answered"):
        await first.claim("acme", asked, b"question")


@pytest.mark.parametrize("question", ["What colour is the sky?", "Why?"])
async def test_a_request_id_gives_no_other_answer_when_its_own_is_not_kept_any_more(
    stub: Any, sessions: Sessions, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    metadata = (*ACME, ("gyre-request-id", "r-1"))
    await complete(stub, asking(), metadata)
    time = now()
    monkeypatch.setattr(repeats, "now", lambda: time + timedelta(days=2))

    error = await refusal(stub, asking(question), metadata)

    assert error.code() is grpc.StatusCode.ALREADY_EXISTS
    assert error.details().endswith("its answer is not kept any more: use another one")
    assert len(await published(sessions)) == 1

    # No consumer knows the first event's id any more.
    monkeypatch.setattr(repeats, "now", lambda: time + timedelta(days=38))
    await complete(stub, asking(question), metadata)
    async with snapshot(sessions) as session:
        assert len((await session.exec(select(store.Answered))).all()) == 1

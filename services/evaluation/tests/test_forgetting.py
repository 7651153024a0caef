"""What no event can come again for is not kept."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlmodel import select

from gyre_evaluation import store, work
from gyre_evaluation.forgetting import forget_old
from gyre_evaluation.work import DONE, Shadow
from gyre_service.database import Sessions, snapshot, transaction
from gyre_service.ids import now

from .conftest import CANDIDATE, answer

OLD = timedelta(days=38)


async def test_old_scores_and_shadows_that_are_done_are_forgotten(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new, waiting = answer(), answer(), answer()
    async with transaction(sessions) as session:
        for one, age in ((old, OLD), (new, timedelta(days=36))):
            store.add_scores(session, "acme", one.answer_id, "rules-v1", (), now() - age)
            await work.add_shadow(session, "acme", CANDIDATE, uuid4(), one)
        await work.add_shadow(session, "acme", CANDIDATE, uuid4(), waiting)
        await session.flush()
        for row in await session.exec(select(Shadow)):
            asked = row.answer["answer_id"]
            row.state = row.state if asked == str(waiting.answer_id) else DONE
            row.created_at -= timedelta() if asked == str(new.answer_id) else OLD
            session.add(row)

    async def once(_: float) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr("gyre_evaluation.forgetting.asyncio.sleep", once)
    with pytest.raises(asyncio.CancelledError):
        await forget_old(sessions)

    async with snapshot(sessions) as session:
        scored = [row.answer_id for row in await session.exec(select(store.ScoredAnswer))]
        left = {row.answer["answer_id"] for row in await session.exec(select(Shadow))}
    assert scored == [new.answer_id]
    assert left == {str(new.answer_id), str(waiting.answer_id)}

"""What drift asks to be used again."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from gyre_events import RemedyRequested
from gyre_registry import rollouts
from gyre_registry.tables import Rollout
from gyre_service.database import Sessions, transaction

from .conftest import Published, Send
from .test_rollouts import WHEN, changes, trained


def remedy(adapter: str | None, **changes: Any) -> RemedyRequested:
    fields: dict[str, Any] = {
        "remedy_id": uuid4(),
        "route": "default",
        "cause": "input",
        "remedy": "re-activate",
        "reason": "the world of before is back",
        "collection": "default",
        "since": WHEN,
        "adapter_digest": adapter and adapter * 64,
        "decided_at": WHEN,
    }
    return RemedyRequested(**fields | changes)


async def promote(send: Send, published: Published, sessions: Sessions, digest: str) -> UUID:
    await send(trained(digest))
    begun = (await changes(published))[-1]
    async with transaction(sessions) as session:
        row = await session.get_one(Rollout, ("acme", begun.rollout_id))
        await rollouts.end(session, row, "production", "by hand", "ada")
    return begun.rollout_id


@pytest.fixture
async def three(send: Send, published: Published, sessions: Sessions) -> None:
    """The base, then the adapters c, d and e, one after the other."""
    for digest in "cde":
        await promote(send, published, sessions, digest)


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("adapter", ["d", None])
async def test_the_one_before_and_the_base_answer_at_once(
    send: Send, published: Published, adapter: str | None
) -> None:
    before = len(await changes(published))
    await send(remedy(adapter))
    [back] = (await changes(published))[before:]
    assert back.stage == "steady"
    assert back.arms[0].adapter_digest == (adapter and adapter * 64)
    assert back.reason == "the world of before is back"


@pytest.mark.usefixtures("three")
async def test_an_older_adapter_is_measured_as_a_new_one_is(
    send: Send, published: Published
) -> None:
    await send(remedy("c"))
    last = (await changes(published))[-1]
    assert (last.stage, last.arms[1].name) == ("candidate", "candidate")
    assert last.arms[1].adapter_digest == "c" * 64
    assert last.arms[0].adapter_digest == "e" * 64


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    "event",
    [
        remedy("d", state="held"),
        remedy("d", state="something new"),
        remedy("d", remedy="retrain"),
        remedy("e"),
        remedy("f"),
        remedy("d", route="elsewhere"),
    ],
    ids=["held", "unknown state", "another remedy", "in production", "unknown", "no such route"],
)
async def test_what_is_not_ours_or_not_to_be_done_changes_nothing(
    send: Send, published: Published, event: RemedyRequested
) -> None:
    before = len(await changes(published))
    await send(event)
    assert len(await changes(published)) == before


@pytest.mark.usefixtures("three")
async def test_a_rollout_under_way_decides_first(send: Send, published: Published) -> None:
    await send(trained("f"))
    before = len(await changes(published))
    await send(remedy("d"))
    assert len(await changes(published)) == before

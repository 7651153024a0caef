import pytest

from gyre_registry import store
from gyre_registry.deciding import put_route
from gyre_registry.desired import Wish
from gyre_service.database import Sessions, transaction
from gyre_service.errors import Conflict

from .conftest import BASE


async def test_a_revision_is_written_once(sessions: Sessions) -> None:
    first = await put_route(sessions, "acme", Wish("support"), BASE)

    with pytest.raises(Conflict):
        async with transaction(sessions) as session:
            await store.save(session, "acme", first, "again")

    async with transaction(sessions) as session:
        assert [row.reason for row in await store.history(session, "acme", "support")] == [
            "created by PutRoute"
        ]


async def test_a_route_comes_back_as_it_was(sessions: Sessions) -> None:
    first = await put_route(
        sessions, "acme", Wish("support", policy_json='{"min_score": 0.1}'), BASE
    )

    async with transaction(sessions) as session:
        assert await store.get_route(session, "acme", "support") == first
        assert await store.get_route(session, "umbrella", "support") is None
        assert await store.every_route(session) == [("acme", first)]

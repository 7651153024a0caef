from collections.abc import Callable
from uuid import uuid4

import pytest

from gyre_inference.repeats import Answers
from gyre_inference.settings import Settings
from gyre_service.database import Sessions
from gyre_service.errors import Conflict


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

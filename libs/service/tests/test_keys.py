from datetime import timedelta

import pytest

from gyre_events import ApiKeyChanged
from gyre_service.errors import Forbidden, Unauthenticated
from gyre_service.ids import now
from gyre_service.keys import bearer, check, key_hash, key_id

KEY = ApiKeyChanged(key_id="key-1", revision=1, hash=key_hash("local", "pepper"), scopes=("ask",))


def test_a_hash_depends_on_the_pepper_and_hides_the_key() -> None:
    assert key_hash("local", "pepper") != key_hash("local", "salt")
    assert "local" not in key_id("local", "pepper")


@pytest.mark.parametrize("header", [None, "", "local", "Basic local", "Bearer", "Bearer  "])
def test_a_header_without_a_key_is_refused_and_says_what_to_send(header: str | None) -> None:
    with pytest.raises(Unauthenticated, match="Authorization: Bearer <key>"):
        bearer(header)


def test_a_live_key_passes_for_its_scope_only() -> None:
    check(KEY, "ask")
    with pytest.raises(Forbidden, match="'operate'"):
        check(KEY, "operate")


@pytest.mark.parametrize(
    "change", [{"revoked": True}, {"expires_at": now() - timedelta(seconds=1)}]
)
def test_a_revoked_or_expired_key_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(Unauthenticated, match="revoked or has expired"):
        check(KEY.model_copy(update=change), "ask")

from datetime import timedelta
from typing import Any

import pytest

from gyre_events import Purpose
from gyre_inference.access import Access
from gyre_service.errors import Forbidden, Rejected, Unauthenticated
from gyre_service.ids import now

from .conftest import PEPPER, TOKEN, FakeTable, api_key


@pytest.fixture
def access(keys: FakeTable) -> Access:
    return Access(keys, PEPPER, TOKEN)


def test_a_key_asks_for_its_own_tenant(access: Access) -> None:
    assert access.caller("Bearer acme.1", None, None).tenant == "acme"
    assert access.caller("Bearer umbrella.1", None, None).tenant == "umbrella"


def test_from_outside_the_purpose_is_always_live(access: Access) -> None:
    assert access.caller("Bearer acme.1", None, "suite").purpose is Purpose.LIVE


def test_a_key_cannot_ask_for_another_tenant(access: Access) -> None:
    with pytest.raises(Forbidden, match="its own tenant"):
        access.caller("Bearer acme.1", "umbrella", None)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic acme.1", "Bearer acme.2"])
def test_without_a_known_key_nobody_asks(access: Access, header: str | None) -> None:
    with pytest.raises(Unauthenticated):
        access.caller(header, "acme", None)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"revoked": True}, Unauthenticated),
        ({"expires_at": now() - timedelta(seconds=1)}, Unauthenticated),
        ({"scopes": ("documents",)}, Forbidden),
        ({"hash": "b" * 64}, Unauthenticated),
    ],
)
def test_a_key_that_may_not_ask(
    access: Access, keys: FakeTable, changes: Any, error: type[Exception]
) -> None:
    keys.put("acme", api_key("acme.1", **changes))

    with pytest.raises(error):
        access.caller("Bearer acme.1", None, None)


def test_a_service_asks_for_whom_it_says_and_says_what_for(access: Access) -> None:
    caller = access.caller(f"Bearer {TOKEN}", "acme", "suite")

    assert (caller.tenant, caller.purpose, caller.may_pin) == ("acme", Purpose.SUITE, True)


@pytest.mark.parametrize(
    ("tenant", "purpose"), [(None, None), ("", None), ("a/b", None), ("acme", "fun")]
)
def test_a_service_that_says_it_wrong(access: Access, tenant: str, purpose: str) -> None:
    with pytest.raises(Rejected, match="metadata"):
        access.caller(f"Bearer {TOKEN}", tenant, purpose)


def test_an_empty_service_token_lets_nobody_in(keys: FakeTable) -> None:
    with pytest.raises(Unauthenticated):
        Access(keys, PEPPER, "").caller("Bearer ", "acme", None)

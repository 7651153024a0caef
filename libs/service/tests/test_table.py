from types import SimpleNamespace
from typing import Any

import pytest

from gyre_service.kafka import Table
from gyre_service.settings import ServiceSettings

from .conftest import Noted


def record(key: bytes, author: str | None) -> Any:
    value = None if author is None else Noted(author=author).model_dump_json().encode()
    return SimpleNamespace(key=key, value=value, topic="noted", partition=0, offset=0)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table[Noted]:
    table = Table(ServiceSettings(service="x"), Noted)
    monkeypatch.setattr(table, "rows", lambda: pytest.fail("it went through all of them"))
    return table


def test_a_row_is_found_whoever_it_belongs_to(table: Table[Noted]) -> None:
    for tenant in (b"umbrella", b"acme"):
        table.apply(record(tenant + b"/ada", "ada"))

    assert table.find("ada") == ("acme", Noted(author="ada"))
    assert table.find("grace") is None


def test_what_has_gone_or_changed_its_key_is_not_found(table: Table[Noted]) -> None:
    for author in ("ada", "ada", None, None):
        table.apply(record(b"acme/ada", author))
    assert table.find("ada") is None

    table.apply(record(b"acme/other", "ada"))
    table.apply(record(b"acme/other", "grace"))

    assert table.find("ada") is None
    assert table.find("grace") == ("acme", Noted(author="grace"))

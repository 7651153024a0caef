from typing import Any

import pytest

from gyre_client import Gyre, GyreError


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"GYRE_PORT_BASE": "8300"}, "http://127.0.0.1:8300"),
        ({"GYRE_URL": "https://gyre.example/", "GYRE_PORT_BASE": "1"}, "https://gyre.example"),
        ({"GYRE_URL": "http://[::1]:8000/v1"}, "http://[::1]:8000"),
    ],
)
def test_the_environment_says_which_gyre(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str
) -> None:
    for name in ("GYRE_URL", "GYRE_PORT_BASE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert Gyre().address.url == url


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GYRE_URL", "gyre.example"),
        ("GYRE_URL", "ftp://gyre.example"),
        ("GYRE_URL", "http://gyre:many"),
        ("GYRE_URL", "http://[::1"),
        ("GYRE_PORT_BASE", "many"),
        ("GYRE_PORT_BASE", "70000"),
        ("GYRE_API_KEY", "ключ"),
        ("GYRE_API_KEY", "two words"),
    ],
)
def test_a_wrong_environment_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.delenv("GYRE_URL", raising=False)
    monkeypatch.setenv(name, value)

    with pytest.raises(GyreError, match=name):
        Gyre()


def test_a_proxy_is_not_asked_for_this_machine(fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")

    with Gyre(retries=0) as gyre:
        assert gyre.submit("a.md", b"a").status == "submitted"

import sys

import pytest

from gyre_service.command import main
from gyre_service.settings import ServiceSettings


class Settings(ServiceSettings):
    service: str = "drift"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["dumb"], "invalid choice: 'dumb'"),
        (["dump", "--sha"], "unrecognized arguments: --sha"),
        (["dump", "x"], "unrecognized arguments: x"),
        (["replay"], "the following arguments are required: --into"),
        (["replay", "--into", "x", "--from", "yesterday"], "invalid start_of value: 'yesterday'"),
    ],
)
def test_what_cannot_be_meant_gets_the_usage(
    arguments: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["drift", *arguments])
    with pytest.raises(SystemExit) as ended:
        main(Settings, lambda _: pytest.fail("it was started"))
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert printed.startswith("usage: python -m gyre_drift")
    assert said in printed

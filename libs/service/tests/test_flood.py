import logging

import pytest

from gyre_service import flood
from gyre_service.flood import Flood


def record(name: str, message: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "file.py", 1, message, args, None)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(flood, "monotonic", lambda: now[0])
    return now


def test_what_is_said_again_and_again_is_said_once_and_counted(clock: list[float]) -> None:
    seldom = Flood("aiokafka")
    said = [seldom.filter(record("aiokafka.consumer", "no node %s", 1)) for _ in range(4)]
    assert said == [True, False, False, False]
    assert seldom.filter(record("aiokafka.consumer", "no node %s", 2)), "another message"

    clock[0] += flood.EVERY_S
    later = record("aiokafka.consumer", "no node %s", 1)
    assert seldom.filter(later)
    assert later.getMessage() == "no node 1 (3 times more since then)"


def test_other_loggers_say_what_they_like() -> None:
    seldom = Flood("aiokafka")
    assert all(seldom.filter(record("gyre_service", "not ready")) for _ in range(3))


def test_what_is_remembered_is_bounded(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flood, "KEPT", 2)
    seldom = Flood("aiokafka")

    assert all(seldom.filter(record("aiokafka", f"offset {number}")) for number in range(9))
    assert len(seldom._seen) <= 2

"""A real supervisor, with small programs in the place of services."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gyre_local import clean, programs, ready, stop
from gyre_local.errors import StackError
from gyre_local.progress import Progress
from gyre_local.stack import Stack
from gyre_local.supervisor import Supervisor

SERVICE = """
import http.server, os, signal, subprocess, sys

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

# A child that leaves its parent's process group, as an engine does.
subprocess.Popen(["sleep", "600"], start_new_session=True)
port = int(os.environ["GYRE_PORT_BASE"]) + {offset}
http.server.HTTPServer(("127.0.0.1", port), Answer).serve_forever()
"""


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


@pytest.fixture
def running(stack: Stack) -> Iterator[tuple[Stack, Supervisor]]:
    """`retrieval` runs and answers; `gateway` ends as soon as it starts; no Kafka."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    stack = Stack(stack.home, port - 15, stack.repo)
    (stack.repo / "gyre_retrieval.py").write_text(SERVICE.format(offset=15))
    (stack.repo / "gyre_gateway.py").write_text("raise SystemExit('GYRE_X is wrong')")
    supervisor = Supervisor(stack)
    supervisor.config.write_text(programs.supervisord(stack, ["sleep", "600"]))
    variables = {"GYRE_PORT_BASE": str(stack.base)}
    (stack.run / "services.conf").write_text(
        programs.services(stack, sys.executable, dict.fromkeys(["retrieval", "gateway"], variables))
    )
    supervisor.start()
    try:
        yield stack, supervisor
    finally:
        stop.down(stack)


def test_a_killed_service_comes_back_and_down_ends_everything(
    running: tuple[Stack, Supervisor],
) -> None:
    stack, supervisor = running
    ready.wait(stack, supervisor, ["retrieval"], Progress())
    first = supervisor.processes()["retrieval"].pid

    os.kill(first, signal.SIGKILL)
    until(lambda: supervisor.processes()["retrieval"].pid not in (0, first))
    ready.wait(stack, supervisor, ["retrieval"], Progress())
    with pytest.raises(StackError, match=r"runs: end it first with .*make down"):
        clean.empty(stack)

    stop.down(stack)

    assert not supervisor.alive
    assert supervisor.processes() == {}
    assert stop.own_processes(stack) == []
    assert (stack.logs / "retrieval.log").exists(), "down removes nothing"


def test_a_service_that_does_not_stay_up_is_named_with_the_end_of_its_log(
    running: tuple[Stack, Supervisor], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, supervisor = running
    monkeypatch.setattr(ready, "CRASHES", 1)

    with pytest.raises(
        StackError, match=r"(?s)gateway does not stay up.*GYRE_X is wrong"
    ) as raised:
        ready.wait(stack, supervisor, ["gateway", "retrieval"], Progress())
    assert str(stack.logs / "gateway.log") in str(raised.value)


def test_a_service_that_is_never_ready_is_named(
    running: tuple[Stack, Supervisor], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, supervisor = running
    monkeypatch.setenv("GYRE_UP_LIMIT_S", "0.5")
    monkeypatch.setattr(ready, "is_ready", lambda stack, service: (False, "no engine yet"))

    with pytest.raises(StackError, match=r"^kafka is not ready after 0\.5 s: no engine yet"):
        ready.wait(stack, supervisor, ["kafka"], Progress())


def test_what_outlived_a_killed_supervisor_is_ended_too(
    running: tuple[Stack, Supervisor],
) -> None:
    stack, supervisor = running
    ready.wait(stack, supervisor, ["retrieval"], Progress())
    os.kill(int(supervisor.pidfile.read_text()), signal.SIGKILL)
    until(lambda: not supervisor.alive)
    assert stop.own_processes(stack)

    stop.down(stack)

    assert stop.own_processes(stack) == []


def test_down_ends_only_its_own(stack: Stack) -> None:
    stranger = {"SUPERVISOR_SERVER_URL": f"unix://{stack.home}2/run/supervisor.sock"}
    with subprocess.Popen(["sleep", "600"], env=os.environ | stranger) as other:
        stop.down(stack)
        assert other.poll() is None
        other.kill()


def test_a_home_whose_socket_has_no_room_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="too long"):
        Supervisor(Stack(tmp_path / ("deep" * 30)))


def test_clean_removes_what_a_stack_wrote_and_nothing_else(stack: Stack) -> None:
    for name in ("kafka", "data", "photos"):
        (stack.home / name).mkdir()
    (stack.home / "test" / "kafka").mkdir(parents=True)

    clean.clean(stack)

    assert [path.name for path in stack.home.iterdir()] == ["photos"]

"""A second inference process, with the environment of the stack's own."""

import signal
import subprocess
import sys
from pathlib import Path

import httpx

from gyre_local.stack import Stack as LocalStack
from gyre_local.supervisor import Supervisor

from .conftest import Stack, until

RPC, HEALTH = 91, 92  # above what a stack uses of its ports


class Replica:
    """Not started yet.

    Args:
        stack: That it belongs to.
        name: Of the replica.
        changes: Of its environment.
    """

    def __init__(self, stack: Stack, name: str, **changes: str) -> None:
        own = Supervisor(LocalStack(stack.home, stack.base)).processes()["inference"].pid
        pairs = Path(f"/proc/{own}/environ").read_bytes().decode().split("\0")
        given = dict(pair.split("=", 1) for pair in pairs if pair)
        database = stack.home / "data" / f"inference-{name}.db"
        self._environment = given | {
            "GYRE_GRPC_PORT": str(stack.base + RPC),
            "GYRE_HEALTH_PORT": str(stack.base + HEALTH),
            "GYRE_DATABASE_URL": f"sqlite+aiosqlite:///{database}",
            "GYRE_REPLICA": name,
            **changes,
        }
        self._log = stack.home / "logs" / f"inference-{name}.log"
        self._ready = f"http://127.0.0.1:{stack.base + HEALTH}/health/ready"
        self.address = f"127.0.0.1:{stack.base + RPC}"

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gyre_inference"],
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        until(self.is_ready, f"the replica {self._log.stem} is ready", 240)

    def is_ready(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()[-2000:]
        try:
            return httpx.get(self._ready, timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        self._process.send_signal(how)
        self._process.wait(60)

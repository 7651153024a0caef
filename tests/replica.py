"""A second process of a service, with the environment of the stack's own."""

import subprocess
import sys

import psutil

from gyre_local.programs import module
from gyre_local.ready import answer

from .conftest import Stack, until

RPC, HEALTH, HTTP = 91, 92, 93  # above what a stack uses of its ports
OTHERS_RPC = 96  # the faults' gateway asks whoever listens at RPC, too, for answers


class Replica:
    """Not started yet.

    Args:
        stack: That it belongs to.
        name: Of the replica.
        service: Which one; only inference has stores of its own in each replica.
        changes: Of its environment.
    """

    def __init__(self, stack: Stack, name: str, service: str = "inference", **changes: str) -> None:
        running = stack.supervisor.processes()[service].pid
        database = stack.home / "data" / f"{service}-{name}.db"
        own = {
            "GYRE_DATABASE_URL": f"sqlite+aiosqlite:///{database}",
            "GYRE_REPLICA": name,
        }
        self._command = [sys.executable, "-m", module(service)]
        self._environment = psutil.Process(running).environ() | {
            "GYRE_GRPC_PORT": str(stack.base + (RPC if service == "inference" else OTHERS_RPC)),
            "GYRE_HEALTH_PORT": str(stack.base + HEALTH),
            "GYRE_HTTP_PORT": str(stack.base + HTTP),
            **(own if service == "inference" else {}),
            **changes,
        }
        self._log = stack.home / "logs" / f"{service}-{name}.log"
        self.health_port = int(self._environment["GYRE_HEALTH_PORT"])
        self.address = f"127.0.0.1:{stack.base + RPC}"

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdout=log, stderr=log
            )
        try:
            until(self.is_ready, f"the replica {self._log.stem} is ready", 240)
        except BaseException:  # nobody else would end it
            self.kill()
            raise

    def is_ready(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()[-2000:]
        return says_ready(self.health_port)

    def end(self) -> int:
        """End it in order; return its exit status."""
        self._process.terminate()
        return self._process.wait(60)

    def kill(self) -> None:
        """End it at once, if it runs."""
        self._process.kill()
        self._process.wait(60)


def says_ready(health_port: int) -> bool:
    """Tell whether a process says that it is ready."""
    return answer(health_port, "/health/ready")[0] == 200

"""The running supervisor of one stack, by its socket."""

import subprocess
import sys
import xmlrpc.client
from dataclasses import dataclass
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from gyre_local.errors import StackError
from gyre_local.stack import Stack

MAX_SOCKET_PATH = 100  # the kernel takes 107 bytes, supervisor adds its pid while it binds
GONE = (ConnectionError, FileNotFoundError)


@dataclass(frozen=True)
class Process:
    """One program as the supervisor sees it; `pid` is 0 when it does not run."""

    name: str
    state: str
    pid: int
    description: str

    @property
    def up(self) -> bool:
        return self.state in ("STARTING", "RUNNING")


class Supervisor:
    """Starts, asks and ends the supervisor of a stack."""

    def __init__(self, stack: Stack) -> None:
        """Say where it would be; nothing is started.

        Raises:
            StackError: The home's path is too long for a socket in it.
        """
        self.socket = stack.run / "supervisor.sock"
        self.config = stack.run / "supervisord.conf"
        self.pidfile = stack.run / "supervisord.pid"
        if len(str(self.socket).encode()) > MAX_SOCKET_PATH:
            raise StackError(
                f"GYRE_HOME {stack.home} is too long: a socket's path ends at "
                f"{MAX_SOCKET_PATH} bytes, {self.socket} has more"
            )

    @property
    def alive(self) -> bool:
        try:
            self._call("getState")
        except GONE:
            return False
        except xmlrpc.client.Fault:  # it is ending, and says only that
            return True
        return True

    def start(self) -> None:
        """Start it in the background with what its configuration says.

        Raises:
            StackError: It refuses.
        """
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.config)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise StackError(
                f"the supervisor does not start: {(done.stderr or done.stdout).strip()}"
            )

    def update(self) -> None:
        """Read the configuration again; start what is new, restart what changed, end the rest.

        Raises:
            StackError: The configuration is not accepted.
        """
        command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(self.config)]
        done = subprocess.run([*command, "update"], capture_output=True, text=True, check=False)
        if done.returncode != 0 or "ERROR" in done.stdout:
            raise StackError(f"the supervisor refuses: {(done.stdout + done.stderr).strip()}")

    def processes(self) -> dict[str, Process]:
        """Every program by name; none when the supervisor is not there, or is ending."""
        try:
            found = self._call("getAllProcessInfo")
        except (*GONE, xmlrpc.client.Fault):
            return {}
        return {
            each["name"]: Process(each["name"], each["statename"], each["pid"], each["description"])
            for each in found
        }

    def stop(self, name: str) -> None:
        """Ask a program to end, without waiting for it."""
        try:
            self._call("stopProcess", name, False)
        except xmlrpc.client.Fault:  # it does not run
            return

    def begin(self, name: str) -> None:
        """Start a program that was stopped, without waiting for it."""
        self._call("startProcess", name, False)

    def shutdown(self) -> None:
        """Ask the supervisor to end what it runs, then itself, without waiting."""
        self._call("shutdown")

    def _call(self, method: str, *arguments: Any) -> Any:
        # A transport that failed once keeps failing, so each call has its own.
        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        proxy = xmlrpc.client.ServerProxy("http://localhost", transport=transport)
        try:
            return getattr(proxy.supervisor, method)(*arguments)
        finally:
            transport.close()

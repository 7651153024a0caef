"""Where a stack lives: its folder and its ports."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gyre_local.errors import StackError

REPO = Path(__file__).resolve().parents[3]
DEFAULT_BASE = 8000
# What a path cannot have in the files of supervisor and Kafka, which split, cut or match there.
UNWRITABLE = re.compile(r"""[\s"';#%*?\[,\\]""")

# The number decides the ports of a service, so it never changes.
SERVICES = {
    "gateway": 0,
    "ingestion": 1,
    "retrieval": 2,
    "inference": 3,
    "evaluation": 4,
    "feedback": 5,
    "drift": 6,
    "finetune": 7,
    "registry": 8,
}

RUNNER = "-runner"


def is_runner(program: str) -> bool:
    """Whether a program is the second process of a service, which serves no RPC."""
    return program.endswith(RUNNER)


@dataclass(frozen=True)
class Stack:
    """One home folder and one block of ports, which nothing else shares."""

    home: Path
    base: int = DEFAULT_BASE
    repo: Path = REPO

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Stack":
        """Read `GYRE_HOME` (default: `var` of this clone) and `GYRE_PORT_BASE` (default 8000).

        Raises:
            StackError: The port base is no number, or leaves no room for a stack's ports; or the
                home's path cannot be written.
        """
        text = environment.get("GYRE_PORT_BASE") or str(DEFAULT_BASE)
        if not text.isdecimal() or not 1024 <= int(text) <= 65_435:
            raise StackError(f"GYRE_PORT_BASE is {text!r}: expected a number from 1024 to 65435")
        home = Path(environment.get("GYRE_HOME") or REPO / "var").expanduser().absolute()
        if found := UNWRITABLE.search(str(home)):
            raise StackError(
                f"the home {str(home)!r} has {found[0]!r} in its path, which supervisor or Kafka "
                "cannot read: set GYRE_HOME to another folder"
            )
        return cls(home, int(text))

    @property
    def run(self) -> Path:
        """Pids, sockets, secrets and generated configuration."""
        return self.home / "run"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def kafka_data(self) -> Path:
        return self.home / "kafka"

    @property
    def cache(self) -> Path:
        """What takes long to make and no stack changes: every home of a clone shares it."""
        return self.repo / "var" / "cache"

    @property
    def gateway_port(self) -> int:
        return self.base

    @property
    def kafka_port(self) -> int:
        return self.base + 2

    @property
    def controller_port(self) -> int:
        return self.base + 3

    @property
    def kafka_servers(self) -> str:
        return f"127.0.0.1:{self.kafka_port}"

    def rpc_port(self, service: str) -> int:
        """Where a service answers gRPC; `inference` is public, so it stands beside the gateway.

        >>> stack = Stack(Path("var"))
        >>> stack.rpc_port("inference"), stack.rpc_port("retrieval"), stack.rpc_port("registry")
        (8001, 8014, 8026)
        """
        return self.base + (1 if service == "inference" else 10 + 2 * SERVICES[service])

    def health_port(self, service: str) -> int:
        """Where a service, or its runner, answers `/health/live`, `/health/ready` and `/metrics`.

        >>> stack = Stack(Path("var"), base=9000)
        >>> stack.health_port("inference"), stack.health_port("finetune-runner")
        (9017, 9065)
        """
        if is_runner(service):
            return self.base + 51 + 2 * SERVICES[service.removesuffix(RUNNER)]
        return self.base + 11 + 2 * SERVICES[service]

    def services(self) -> list[str]:
        """The services this clone has, in the order of their numbers."""
        folder = self.repo / "services"
        return [
            name for name in SERVICES if (folder / name / f"gyre_{name}" / "__main__.py").is_file()
        ]

    def programs(self, services: list[str]) -> list[str]:
        """These services, each with its runner where it has one."""
        folder = self.repo / "services"
        runners = [
            name + RUNNER
            for name in services
            if (folder / name / f"gyre_{name}" / "runner.py").is_file()
        ]
        return [*services, *runners]

    def make_prefix(self) -> str:
        """What has to stand before a command that means this stack, if it is not the default."""
        words = []
        if self.home != self.repo / "var":
            words.append(f"GYRE_HOME={self.home}")
        if self.base != DEFAULT_BASE:
            words.append(f"GYRE_PORT_BASE={self.base}")
        return "".join(word + " " for word in words)

"""Which ports a stack needs, and whether something else has one of them."""

import socket

from gyre_local.errors import StackError
from gyre_local.stack import Stack, is_runner


def needed(stack: Stack, programs: list[str]) -> dict[int, str]:
    """Each port that these programs listen on, with what for."""
    found: dict[int, str] = {}
    for name in programs:
        if name == "kafka":
            found[stack.kafka_port] = "kafka"
            found[stack.controller_port] = "kafka's controller"
            continue
        if name == "gateway":
            found[stack.gateway_port] = "gateway"
        if not is_runner(name):
            found[stack.rpc_port(name)] = f"{name}'s gRPC"
        found[stack.health_port(name)] = f"{name}'s health"
    return found


def check(stack: Stack, programs: list[str]) -> None:
    """Return if every port is free.

    Raises:
        StackError: One is taken; it names the port and what to change.
    """
    for port, purpose in sorted(needed(stack, programs).items()):
        if _taken(port):
            raise StackError(
                f"port {port} ({purpose}) is taken by another program: end that, or give this "
                f"stack other ports, e.g. GYRE_PORT_BASE={stack.base + 1000}"
            )


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        # Connections of a stack that ended a moment ago do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False

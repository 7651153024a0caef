import socket

import pytest

from gyre_local import ports
from gyre_local.errors import StackError
from gyre_local.stack import Stack


def test_needed_names_every_port_of_the_programs(stack: Stack) -> None:
    assert ports.needed(stack, ["kafka", "gateway", "inference"]) == {
        9000: "gateway",
        9001: "inference's gRPC",
        9002: "kafka",
        9003: "kafka's controller",
        9010: "gateway's gRPC",
        9011: "gateway's health",
        9017: "inference's health",
    }


def test_no_two_services_share_a_port(stack: Stack) -> None:
    programs = ["kafka", "gateway", "ingestion", "retrieval", "inference", "evaluation", "registry"]

    assert len(ports.needed(stack, programs)) == 3 + 2 * 6


def test_a_taken_port_is_one_line_that_says_what_to_change(stack: Stack) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = Stack(stack.home, other.getsockname()[1] - 2, stack.repo)
        with pytest.raises(StackError) as raised:
            ports.check(taken, ["kafka"])

    line = str(raised.value)
    assert line.startswith(f"port {taken.kafka_port} (kafka) is taken by another program")
    assert f"GYRE_PORT_BASE={taken.base + 1000}" in line
    assert "\n" not in line


def test_free_ports_are_no_error(stack: Stack) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]

    ports.check(Stack(stack.home, free - 2, stack.repo), [])

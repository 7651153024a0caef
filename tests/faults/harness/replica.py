"""A second process of a service beside the supervised one, or in its place, for a block."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.harness.fault import Field
from tests.faults.harness.trying import stop
from tests.faults.harness.waiting import until
from tests.replica import Replica, says_ready


@contextmanager
def replica(field: Field, service: str) -> Iterator[Replica]:
    """Have another process of `service`, which is ready; it is killed if it runs at the end."""
    other = Replica(field.stack, "replica", service)
    other.start()
    try:
        yield other
    finally:
        other.kill()


@contextmanager
def instead(field: Field, service: str, name: str, **changes: str) -> Iterator[None]:
    """Have a process in the place of the supervised one, with its ports and its database.

    Args:
        field: Where.
        service: Which one.
        name: Of the process, in the name of its log.
        changes: Of its environment.
    """
    local = field.stack.local
    own = {
        "GYRE_HTTP_PORT": str(local.gateway_port),
        "GYRE_GRPC_PORT": str(local.rpc_port(service)),
        "GYRE_HEALTH_PORT": str(local.health_port(service)),
        "GYRE_DATABASE_URL": "",
        "GYRE_REPLICA": "",
    }
    other = Replica(field.stack, name, service, **own, **changes)
    stop(field, service)
    try:
        other.start()
        try:
            yield
            other.end()
        finally:
            other.kill()
    finally:
        field.supervisor.begin(service)
        until(lambda: says_ready(local.health_port(service)), 240)

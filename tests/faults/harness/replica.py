"""A second process of a service beside the supervised one, for the time of a block."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.harness.fault import Field
from tests.replica import Replica


@contextmanager
def replica(field: Field, service: str) -> Iterator[Replica]:
    """Have another process of `service`, which is ready; it is killed if it runs at the end."""
    other = Replica(field.stack, "replica", service)
    other.start()
    try:
        yield other
    finally:
        other.kill()

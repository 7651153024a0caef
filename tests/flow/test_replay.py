"""What the services hold after all that other tests did is made again from the log."""

from pathlib import Path

import pytest

from ..conftest import Stack
from ..faults.harness.lag import come_to_rest
from ..faults.harness.r10_replay import SERVICES, made_again

# At a promotion drift begins anew some questions earlier or later (its README): R10 compares it
# without one.
COMPARED = [service for service in SERVICES if service != "drift"]


@pytest.mark.parametrize("service", COMPARED)
def test_a_service_is_made_again_from_the_log(stack: Stack, service: str, tmp_path: Path) -> None:
    come_to_rest(stack)
    assert made_again(stack, service, tmp_path).said == ()

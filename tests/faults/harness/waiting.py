"""Waits for what is seen from outside."""

import time
from collections.abc import Callable


def until(what: Callable[[], bool], seconds: float) -> None:
    """Wait for a condition.

    Raises:
        TimeoutError: It does not come true.
    """
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:g} s")
        time.sleep(0.05)

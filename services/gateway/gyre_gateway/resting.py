"""Lets a service alone that has just said that it is away, and for how long."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from gyre_service.errors import Unavailable

MOST_S = 1.0


class Resting:
    """Asks again once a second: all who wait, asking for themselves, would hold up what starts."""

    def __init__(self) -> None:
        self._until = 0.0
        self._said: Unavailable | None = None

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Call the service inside, or hear what it has said.

        Raises:
            Unavailable: It was away within the last second.
        """
        if self._said is not None and time.monotonic() < self._until:
            raise Unavailable(str(self._said), after_s=self._said.after_s)
        try:
            yield
        except Unavailable as error:
            if error.after_s is not None:
                self._said = error
                self._until = time.monotonic() + min(error.after_s, MOST_S)
            raise

"""Keeps a log readable while a dependency is away."""

import logging
from time import monotonic

EVERY_S = 10.0
KEPT = 100  # messages that are remembered; they name hosts and partitions, which are few


class Flood(logging.Filter):
    """Lets a message of one library pass once in `EVERY_S`, with how often it came meanwhile.

    Without a broker each of aiokafka's clients tries again ten times a second, and says so twice.

    Args:
        name: Of the library's logger; messages of others pass.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._seen: dict[str, tuple[float, int]] = {}  # when it passed, and what was held back

    def filter(self, record: logging.LogRecord) -> bool:
        if not super().filter(record):
            return True
        message = record.getMessage()
        now = monotonic()
        passed, held = self._seen.get(message, (-EVERY_S, 0))
        if now - passed < EVERY_S:
            self._seen[message] = passed, held + 1
            return False
        if len(self._seen) >= KEPT:
            self._seen.clear()
        self._seen[message] = now, 0
        if held:
            record.msg, record.args = f"{message} ({held} times more since then)", ()
        return True

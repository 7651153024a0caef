"""A process whose clock is wrong by `GYRE_SKEW_S` seconds, as after a bad NTP server.

The monotonic clock is right, and so is the database's, which is another machine's in production.
"""

import time
from datetime import datetime, timedelta


def install(seconds: float) -> None:
    """Move what the process takes for the time, before anybody has imported it."""
    from gyre_service import ids

    now, unix = ids.now, time.time

    def moved() -> datetime:
        return now() + timedelta(seconds=seconds)

    ids.now = moved
    time.time = lambda: unix() + seconds

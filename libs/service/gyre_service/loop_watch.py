"""Watches the event loop from a thread: what blocks the loop would block a task of it too."""

import asyncio
import logging
import threading
import time

from prometheus_client import Gauge

from gyre_service.settings import ServiceSettings
from gyre_service.stopping import stop_process

log = logging.getLogger(__name__)

LOOK_S = 1.0
LAG = Gauge("gyre_event_loop_lag_seconds", "How late the event loop runs what is due")


class LoopWatch:
    """Ends the process when its event loop has been late for too long.

    A late loop misses Kafka's heartbeats, and its group goes on without it. One look may be
    late by any time, as after SIGSTOP: only a loop that is late at every look is broken.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self._limit_s = settings.max_loop_lag_s
        self._patience_s = settings.late_loop_s
        self._over = threading.Event()
        self._ran_at = 0.0

    def start(self) -> None:
        """Watch the running loop, until `stop`."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._watch, args=(loop,), name="loop-watch", daemon=True).start()

    def stop(self) -> None:
        self._over.set()

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        asked_at = self._ask(loop)
        late_since: float | None = None
        while not self._over.wait(LOOK_S):
            now, ran_at = time.monotonic(), self._ran_at
            has_run = ran_at >= asked_at
            lag = (ran_at if has_run else now) - asked_at
            LAG.set(lag)
            if has_run:
                asked_at = self._ask(loop)
            if lag <= self._limit_s:
                if has_run:  # else it is not known yet: it may be late again
                    late_since = None
            elif late_since is None:
                late_since = now
                log.warning("the event loop is %.1f s late: something blocks it", lag)
            elif now - late_since > self._patience_s:
                stop_process(f"the event loop has been late for {self._patience_s:g} s")
                return

    def _ask(self, loop: asyncio.AbstractEventLoop) -> float:
        asked_at = time.monotonic()
        loop.call_soon_threadsafe(self._run)
        return asked_at

    def _run(self) -> None:
        self._ran_at = time.monotonic()

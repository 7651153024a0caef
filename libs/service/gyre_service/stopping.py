"""How a process ends itself: in order, and by force if that does not end."""

import atexit
import logging
import os
import signal
import sys
import threading
import time

from prometheus_client import Counter

log = logging.getLogger(__name__)

END_S = 40.0  # a handler in flight has 30 of it, as before a supervisor's SIGKILL
STOPS = Counter("gyre_process_stops", "Times this process has asked itself to end")
_asked = threading.Event()


def stop_process(reason: str) -> None:
    """Shut down in order; the supervisor starts us again. Any thread may call it.

    FastStream's `StopApplication` ends one consumer and leaves the process running.
    """
    log.critical("stopping: %s", reason)
    STOPS.inc()
    _asked.set()
    signal.raise_signal(signal.SIGTERM)


def exit_when_told() -> None:
    """End with status 0 on SIGTERM, and with 1 where `stop_process` was its sender.

    Call it once, at the start. The server takes the signal first, and passes it on when all has
    ended: whoever handles it by default then dies of it, and nothing that is to run last does.
    """
    signal.signal(signal.SIGTERM, lambda *_: _end(1 if _asked.is_set() else 0))


def _end(status: int) -> None:
    """End now, after what was registered for the end (`atexit`: the last spans are sent there).

    To take Python apart with a model in it takes five seconds, in which nobody begins anew.
    """
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(status)


def force_the_end() -> None:
    """End this process, with status 1, if it still runs `END_S` after `stop_process`.

    Call it once, at the start. What made us stop may hang the way out too, and nobody else
    knows that we are to end: a supervisor kills only what it asked to stop itself.
    """

    def wait() -> None:
        _asked.wait()
        time.sleep(END_S)
        log.critical("not stopped in %g s: ended by force", END_S)
        os._exit(1)

    # A thread, because the event loop may be what hangs.
    threading.Thread(target=wait, name="force-the-end", daemon=True).start()

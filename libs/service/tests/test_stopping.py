import subprocess
import sys

import pytest

PROGRAM = """
import signal, time
from gyre_service import stopping

stopping.END_S = 1
signal.signal(signal.SIGTERM, lambda *_: {on_signal})
stopping.force_the_end()
stopping.stop_process("a test")
time.sleep(20)
"""


@pytest.mark.parametrize(("on_signal", "status"), [("exit(0)", 0), ("None", 1)])
def test_a_process_ends_in_order_or_by_force(on_signal: str, status: int) -> None:
    program = PROGRAM.format(on_signal=on_signal)

    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=15)

    assert done.returncode == status


ENDING = """
import atexit, signal, threading, time
from gyre_service import stopping

atexit.register(print, "the last spans")
threading.Thread(target=time.sleep, args=(20,)).start()  # Python itself would wait for it
stopping.exit_when_told()
{end}
time.sleep(20)
"""


@pytest.mark.parametrize(
    ("end", "status"),
    [("signal.raise_signal(signal.SIGTERM)", 0), ("stopping.stop_process('a test')", 1)],
)
def test_the_status_tells_who_wanted_the_end(end: str, status: int) -> None:
    command = [sys.executable, "-c", ENDING.format(end=end)]
    done = subprocess.run(command, check=False, timeout=15, capture_output=True, text=True)

    assert done.returncode == status
    assert done.stdout == "the last spans\n"

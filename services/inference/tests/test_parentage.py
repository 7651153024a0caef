import os
import signal
import socket
import subprocess
import sys
import textwrap
import time

from gyre_inference.parentage import let_go_of_sockets

PARENT = """
import os, time
from gyre_inference.parentage import end_with_parent
parent = os.getpid()
child = os.fork()
if child == 0:
    end_with_parent(parent)
    os.write(1, f"{os.getpid()}\\n".encode())
    time.sleep(600)
time.sleep(600)
"""


def is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def assert_ends(pid: int) -> None:
    deadline = time.monotonic() + 5
    while is_running(pid) and time.monotonic() < deadline:
        os.sched_yield()
    assert not is_running(pid)


def test_a_child_ends_when_its_parent_is_killed() -> None:
    command = [sys.executable, "-c", textwrap.dedent(PARENT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_running(child)

        parent.send_signal(signal.SIGKILL)

    assert_ends(child)


def test_a_stopped_child_ends_when_its_parent_is_killed() -> None:
    command = [sys.executable, "-c", textwrap.dedent(PARENT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(child, signal.SIGSTOP)
        parent.send_signal(signal.SIGKILL)
    assert_ends(child)


THREAD = """
import os, threading, time
from gyre_inference.parentage import end_with_parent
parent = os.getpid()
over = threading.Event()
def live():
    child = os.fork()
    if child == 0:
        end_with_parent(parent)
        os.write(1, f"{os.getpid()}\\n".encode())
        time.sleep(600)
    over.wait()
threading.Thread(target=live).start()
input()
over.set()
time.sleep(600)
"""


def test_a_child_ends_with_the_thread_that_made_it() -> None:
    command = [sys.executable, "-c", textwrap.dedent(THREAD)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdin is not None
        child = int(parent.stdout.readline())
        assert is_running(child)

        parent.stdin.write(b"\n")
        parent.stdin.flush()

        assert_ends(child)
        assert is_running(parent.pid)
        parent.kill()


def test_a_child_does_not_hold_its_parents_connections_open() -> None:
    ours, theirs = socket.socketpair()
    ready, done = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        let_go_of_sockets()
        os.write(ready[1], b"x")
        os.read(done[0], 1)
        os._exit(0)
    os.read(ready[0], 1)

    ours.close()

    theirs.settimeout(5)
    assert theirs.recv(1) == b""  # the end, although the child lives
    os.write(done[1], b"x")
    assert os.waitpid(child, 0)[1] == 0
    theirs.close()
    for end in (*ready, *done):
        os.close(end)

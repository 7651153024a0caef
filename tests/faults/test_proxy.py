"""The harness's own proxy does what it is told to what passes."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from .harness.proxy import Proxy


@pytest.fixture
def echo() -> Iterator[int]:
    """Return the port of a server that says back what it hears."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=_say_back, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield int(server.getsockname()[1])


def _say_back(connection: socket.socket) -> None:
    with connection, suppress(ConnectionResetError):
        while heard := connection.recv(1024):
            connection.sendall(heard)


@pytest.fixture
def proxy(echo: int) -> Iterator[Proxy]:
    with Proxy(free_port(), lambda: (free_port(), echo)) as found:  # nobody is at the first
        yield found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def connected(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def test_it_passes_on_to_the_first_that_accepts_and_tells_the_end(proxy: Proxy) -> None:
    with connected(proxy) as client:
        client.sendall(b"hello")
        assert client.recv(1024) == b"hello"
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1024) == b""


def test_it_delays_either_way_and_not_one_chunk_after_the_other(proxy: Proxy) -> None:
    with connected(proxy) as client:
        proxy.hurt(delay_s=0.2)
        begin = time.monotonic()
        for _ in range(10):
            client.sendall(b"x")
            time.sleep(0.02)  # a chunk each
        heard = b""
        while len(heard) < 10:
            heard += client.recv(1024)

    assert 0.4 <= time.monotonic() - begin < 2.0  # one after the other: 4 s


def test_it_resets(proxy: Proxy) -> None:
    with connected(proxy) as client:
        proxy.hurt(reset_share=1.0)
        client.sendall(b"hello")
        with pytest.raises(ConnectionResetError):
            client.recv(1024)


def test_it_swallows_and_then_lets_go(proxy: Proxy) -> None:
    with connected(proxy) as client:
        proxy.hurt(swallows=True)
        client.settimeout(0.3)
        client.sendall(b"hello")
        with suppress(TimeoutError):  # what is read when it begins to swallow still passes
            client.recv(1024)
        client.sendall(b"hello")
        with pytest.raises(TimeoutError):
            client.recv(1024)
        proxy.hurt()
        client.settimeout(5)
        assert client.recv(1024)

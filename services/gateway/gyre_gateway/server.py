"""Serves the web application inside a process that has other work too."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

from gyre_service.errors import Unavailable

GRACE_S = 20  # for answers that are running when we stop
KEEP_ALIVE_S = 65  # longer than clients keep a connection, or one they reuse is closed under them


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave SIGTERM to the process, which stops us in its order."""
        yield


def bind(host: str, port: int) -> socket.socket:
    """Return a socket on which nobody listens yet; port 0 takes a free one.

    Raises:
        Unavailable: The port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only where the protocol is named: with it, the end of
    # an answer waits up to 40 ms for the client to acknowledge the beginning.
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
    except OSError as error:
        found.close()
        raise Unavailable(f"cannot listen on {host}:{port}: is GYRE_PORT_BASE taken?") from error
    return found


@asynccontextmanager
async def serving_web(
    app: ASGIApp, at: socket.socket, trusted_proxies: str
) -> AsyncIterator[asyncio.Task[None]]:
    """Serve `app` at a socket while inside; yield the task: only a failure ends it.

    Args:
        app: What is served.
        at: Bound, and not listening yet.
        trusted_proxies: Who may say that a client came by https: addresses and networks with
            commas between them, or `*`.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        forwarded_allow_ips=trusted_proxies,
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    at.listen(config.backlog)  # who connects before the server runs waits a moment
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[at]))
    try:
        yield task
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)
        at.close()

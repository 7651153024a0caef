"""One connection to a gateway, in both colours: what all methods of the clients stand on."""

from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Self, TypeVar

import httpx

from gyre_client import calls
from gyre_client.address import Address
from gyre_client.calls import Call
from gyre_client.results import Listing, Result
from gyre_client.sending import options, read, send, send_async

T = TypeVar("T")
R = TypeVar("R", bound=Result)
RETRIES = 4
TIMEOUT_S = 300.0


class Connection:
    """Connects on first use; safe to share between threads; closed by `with` or `close()`.

    Every method raises `GyreError`, and `Unreachable` if nothing answers.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        retries: int = RETRIES,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Find the gateway.

        Args:
            url: Base URL; default `GYRE_URL`, else the local stack's.
            key: API key; default `GYRE_API_KEY`, else `local`.
            retries: Attempts after the first when Gyre is away or at its limit.
            timeout_s: Longest wait for the next bytes: a slow model thinks before it writes.
        """
        self.address = Address.find(url, key)
        self.retries = retries
        self._http = httpx.Client(**options(self.address, timeout_s))

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _send(self, call: Call, stream: bool = False) -> httpx.Response:
        return send(self._http, call, self.retries, stream)

    def _do(self, kind: type[T], call: Call) -> T:
        return read(kind, self._send(call))

    def _page(self, kind: type[R], call: Call) -> Listing[R]:
        return read(Listing.of(kind), self._send(call))

    def _all(self, kind: type[R], call: Call) -> Iterator[R]:
        """Yield every thing of a list, page by page."""
        page = self._page(kind, call)
        yield from page.data
        while page.has_more and page.data:
            page = self._page(kind, calls.after(call, page.data[-1]))
            yield from page.data


class AsyncConnection:
    """`Connection` for asyncio; closed by `async with` or `aclose()`."""

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        retries: int = RETRIES,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Find the gateway; the arguments are `Connection`'s."""
        self.address = Address.find(url, key)
        self.retries = retries
        self._http = httpx.AsyncClient(**options(self.address, timeout_s))

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def _send(self, call: Call, stream: bool = False) -> httpx.Response:
        return await send_async(self._http, call, self.retries, stream)

    async def _do(self, kind: type[T], call: Call) -> T:
        return read(kind, await self._send(call))

    async def _page(self, kind: type[R], call: Call) -> Listing[R]:
        return read(Listing.of(kind), await self._send(call))

    async def _all(self, kind: type[R], call: Call) -> AsyncIterator[R]:
        page = await self._page(kind, call)
        for thing in page.data:
            yield thing
        while page.has_more and page.data:
            page = await self._page(kind, calls.after(call, page.data[-1]))
            for thing in page.data:
                yield thing

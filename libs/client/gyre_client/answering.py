"""What `ask` and `evaluate` return: iterate it as it comes, then read the whole."""

from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Self

import httpx

from gyre_client.errors import BrokenOff
from gyre_client.results import Answer, ItemResult, Report
from gyre_client.streams import AnswerReader, EvaluationReader

BROKEN = "the connection broke before the end of the stream"


class _Closing:
    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    def close(self) -> None:
        """Stop listening; Gyre then stops working on what is left."""
        self._response.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _bytes(self) -> Iterator[bytes]:
        try:
            yield from self._response.iter_bytes()
        except httpx.TransportError as error:
            raise BrokenOff(BROKEN) from error
        finally:
            self.close()


class _AsyncClosing:
    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    async def aclose(self) -> None:
        """Stop listening; Gyre then stops working on what is left."""
        await self._response.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def _bytes(self) -> AsyncIterator[bytes]:
        try:
            async for data in self._response.aiter_bytes():
                yield data
        except httpx.TransportError as error:
            raise BrokenOff(BROKEN) from error
        finally:
            await self.aclose()


def _reader(response: httpx.Response) -> AnswerReader:
    headers = response.headers
    return AnswerReader(headers.get("gyre-answer-id"), headers.get("gyre-conversation-id"))


class Asking(_Closing):
    """An answer as it is written: iterate for its text, then `answer()` has the sources."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(response)
        self._reader = _reader(response)
        self._parts = self._read()  # one, so that whoever stops may go on

    def __iter__(self) -> Iterator[str]:
        return self._parts

    def _read(self) -> Iterator[str]:
        for data in self._bytes():
            yield from self._reader.feed(data)

    def answer(self) -> Answer:
        """Return the whole answer, after reading what was not iterated yet."""
        for _ in self._parts:
            pass
        return self._reader.answer()


class AsyncAsking(_AsyncClosing):
    """`Asking` of the async client."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(response)
        self._reader = _reader(response)
        self._parts = self._read()  # one, so that whoever stops may go on

    def __aiter__(self) -> AsyncIterator[str]:
        return self._parts

    async def _read(self) -> AsyncIterator[str]:
        async for data in self._bytes():
            for text in self._reader.feed(data):
                yield text

    async def answer(self) -> Answer:
        async for _ in self._parts:
            pass
        return self._reader.answer()


class Evaluating(_Closing):
    """A suite as it runs: iterate for its items, then `report()`."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(response)
        self._reader = EvaluationReader()
        self._parts = self._read()  # one, so that whoever stops may go on

    def __iter__(self) -> Iterator[ItemResult]:
        return self._parts

    def _read(self) -> Iterator[ItemResult]:
        for data in self._bytes():
            yield from self._reader.feed(data)

    def report(self) -> Report:
        """Return the report, after reading what was not iterated yet."""
        for _ in self._parts:
            pass
        return self._reader.ended()


class AsyncEvaluating(_AsyncClosing):
    """`Evaluating` of the async client."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(response)
        self._reader = EvaluationReader()
        self._parts = self._read()  # one, so that whoever stops may go on

    def __aiter__(self) -> AsyncIterator[ItemResult]:
        return self._parts

    async def _read(self) -> AsyncIterator[ItemResult]:
        async for data in self._bytes():
            for item in self._reader.feed(data):
                yield item

    async def report(self) -> Report:
        async for _ in self._parts:
            pass
        return self._reader.ended()

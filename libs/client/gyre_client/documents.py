"""Documents: handed in, waited for, listed, removed."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

from gyre_client import calls
from gyre_client.connection import AsyncConnection, Connection
from gyre_client.errors import GyreError
from gyre_client.results import Document, Submission
from gyre_client.settling import WAIT_S, Settling

PATH = "/v1/documents"


def _unseen(error: GyreError) -> None:
    """Pass over a 404: what is accepted may not be seen yet."""
    if error.status != 404:
        raise error


class Documents(Connection):
    """The part of the client that is about documents."""

    def submit(self, name: str, content: bytes, collection: str = "default") -> Submission:
        """Hand in a document; the same name in a collection again is the same document."""
        return self._do(Submission, calls.submit(name, content, collection))

    def settle(self, submission: Submission, timeout_s: float = WAIT_S) -> Document:
        """Wait until what was submitted is indexed or rejected.

        Raises:
            NotSettled: It was accepted, but is neither after `timeout_s`.
        """
        settling = Settling(submission, timeout_s)
        while True:
            try:
                document = self.document(submission.id)
                if settling.is_settled(document):
                    return document
            except GyreError as error:
                _unseen(error)
            time.sleep(settling.pause())

    def ingest(
        self, name: str, content: bytes, collection: str = "default", timeout_s: float = WAIT_S
    ) -> Document:
        """Hand in a document and wait; raises as `settle` does."""
        return self.settle(self.submit(name, content, collection), timeout_s)

    def documents(
        self, collection: str | None = None, status: str | None = None
    ) -> Iterator[Document]:
        """Yield the documents, the newest first."""
        return self._all(Document, calls.listing(PATH, collection=collection, status=status))

    def document(self, id: str) -> Document:
        return self._do(Document, calls.one(PATH, id))

    def remove(self, id: str) -> None:
        """Ask for a document to be gone; it is from search a moment later."""
        self._send(calls.one(PATH, id, "DELETE"))


class AsyncDocuments(AsyncConnection):
    """`Documents` of the async client."""

    async def submit(self, name: str, content: bytes, collection: str = "default") -> Submission:
        return await self._do(Submission, calls.submit(name, content, collection))

    async def settle(self, submission: Submission, timeout_s: float = WAIT_S) -> Document:
        settling = Settling(submission, timeout_s)
        while True:
            try:
                document = await self.document(submission.id)
                if settling.is_settled(document):
                    return document
            except GyreError as error:
                _unseen(error)
            await asyncio.sleep(settling.pause())

    async def ingest(
        self, name: str, content: bytes, collection: str = "default", timeout_s: float = WAIT_S
    ) -> Document:
        return await self.settle(await self.submit(name, content, collection), timeout_s)

    def documents(
        self, collection: str | None = None, status: str | None = None
    ) -> AsyncIterator[Document]:
        return self._all(Document, calls.listing(PATH, collection=collection, status=status))

    async def document(self, id: str) -> Document:
        return await self._do(Document, calls.one(PATH, id))

    async def remove(self, id: str) -> None:
        await self._send(calls.one(PATH, id, "DELETE"))

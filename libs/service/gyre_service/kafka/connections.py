"""Has aiokafka hear that a connection is gone, and wait before it asks for the next one."""

import asyncio
from typing import Any

from aiokafka import conn
from aiokafka.errors import KafkaConnectionError

BACKOFF_S = 0.1  # twice `reconnect.backoff.ms` of Kafka's own clients


class Connection(conn.AIOKafkaConnection):  # type: ignore[misc]
    """aiokafka's (0.14), which takes a `RuntimeError` for one of its own, and tries without a rest.

    uvloop raises one when somebody writes to what was closed a moment ago, where asyncio says
    nothing. It ends whichever task of aiokafka wanted to write (its issue 1038). If that is the
    one that asks for metadata, the consumer waits for it ever after, inside a commit, and all
    looks well: a disk that was full for half a minute did that.

    Whoever asks for metadata asks again at once when no broker can be reached. Something to
    publish, of a partition whose leader was never asked for before (`keep_leaders` knows the
    others), kept a whole core busy with that as long as there was no broker.
    """

    async def connect(self) -> Any:
        """Connect; say only after a moment that it cannot be done.

        Raises:
            OSError: Nobody is there.
        """
        try:
            return await super().connect()
        except OSError:
            await asyncio.sleep(BACKOFF_S)
            raise

    def send(self, request: Any, expect_response: bool = True) -> Any:
        """Send a request; return what waits for its answer.

        Raises:
            KafkaConnectionError: The connection is gone.
        """
        try:
            return super().send(request, expect_response)
        except RuntimeError as error:
            if type(error) is not RuntimeError:  # as all of aiokafka's own are
                raise
            self.close(reason=conn.CloseReason.CONNECTION_BROKEN)
            raise KafkaConnectionError(f"{self.host}:{self.port} is closed: {error}") from error


def install() -> None:
    """Have every client of this process connect so, from now on."""
    conn.AIOKafkaConnection = Connection

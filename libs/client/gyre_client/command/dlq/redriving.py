"""Sends a dead letter to where it came from, as if its producer sent it again."""

import re

from gyre_client.command.dlq.letters import DeadLetter, Record
from gyre_client.command.dlq.queues import Queues
from gyre_client.errors import GyreError


class NotRedriven(GyreError):
    """A record was not sent, because it could do no good or would do harm."""


class Redrive:
    """Redrives, and remembers what it found out about topics."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues
        self._last: dict[str, dict[bytes | None, Record] | None] = {}  # None: not compacted

    async def send(self, letter: DeadLetter) -> str:
        """Publish `letter` under its own key, value and headers, mark it, and say where it is.

        The partition is the one that its producer chose: order is by partition.

        Raises:
            NotRedriven: It is nothing that can be sent again.
            TimeoutError: It may have been sent or not.
        """
        record, origin = letter.record, letter.origin
        if origin is None:
            raise NotRedriven(f"{letter.id} does not say where it came from")
        if record.key is None and not record.value:
            raise NotRedriven(f"{letter.id} has neither key nor value: it is no event; drop it")
        if origin.partition not in self._queues.partitions.get(origin.topic, ()):
            raise NotRedriven(f"{letter.id} came from {origin.topic}/{origin.partition}: gone")
        if not await self._stands(letter, origin.topic):
            raise NotRedriven(
                f"{letter.id} is not the last of its key, and {origin.topic} is compacted: "
                "it would replace what came later; drop it"
            )
        offset = await self._queues.publish(
            origin.topic,
            record.value,
            key=record.key,
            headers=letter.headers,
            partition=origin.partition,
        )
        await self._queues.mark(letter, "redriven")
        return f"{origin.topic}/{origin.partition}/{offset}"

    async def _stands(self, letter: DeadLetter, topic: str) -> bool:
        """Say whether no later record of a compacted topic has the letter's key."""
        if topic not in self._last:
            compacted = await self._queues.is_compacted(topic)
            self._last[topic] = (
                {record.key: record async for record in self._queues.read(topic)}
                if compacted
                else None
            )
        last = self._last[topic]
        if last is None:
            return True
        found = last.get(letter.record.key)
        # Its own copy, of an earlier redrive, is not later.
        return found is not None and (found.value, list(found.headers)) == (
            letter.record.value,
            letter.headers,
        )


def matches(pattern: str, reason: str) -> bool:
    """Say whether `reason` contains `pattern`, whatever its case; `*` is any text.

    >>> matches("no uuid*route", "Input is no UUID (char 3) in route")
    True
    """
    regex = re.escape(pattern).replace(r"\*", ".*")
    return re.search(regex, reason, re.IGNORECASE | re.DOTALL) is not None

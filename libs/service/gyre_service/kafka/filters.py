"""Which records of a consumer a handler gets."""

from collections.abc import Awaitable, Callable
from typing import Any

from faststream.message import StreamMessage

from gyre_events import Event


def of(event: type[Event]) -> Callable[[StreamMessage[Any]], Awaitable[bool]]:
    """Return the filter for the records of the topic of `event`.

    A service has one consumer for all its topics, and a handler for each: every further consumer
    joins the group by itself, stops the others meanwhile and makes each start three seconds longer.
    """

    async def matches(message: StreamMessage[Any]) -> bool:
        return bool(message.raw_message.topic == event.topic)

    return matches

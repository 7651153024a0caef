"""What the commands of `gyre dlq` do, in Kafka. The others do not wait for its client to load."""

from collections.abc import AsyncIterator
from typing import Any

import typer
from aiokafka.errors import KafkaError

from gyre_client.address import kafka_servers
from gyre_client.command.dlq.letters import DeadLetter
from gyre_client.command.dlq.queues import Mark, Queues, connect
from gyre_client.command.dlq.redriving import NotRedriven, Redrive, matches
from gyre_client.command.screen import first_line, say
from gyre_client.errors import GyreError


async def list_(service: str | None, all: bool) -> list[dict[str, Any]]:
    async with connect(kafka_servers()) as queues:
        services = [service] if service else queues.services()
        return [
            letter.summary() | {"state": _state(queues.mark_of(letter))}
            for name in services
            async for letter in queues.letters(name)
            if all or queues.mark_of(letter) is None
        ]


async def show(service: str, id: str, payload: bool) -> dict[str, Any]:
    async with connect(kafka_servers()) as queues:
        letter = await queues.letter(service, id)
        mark = queues.mark_of(letter)
        marked = {"state": _state(mark), "marked_at": mark.at if mark else None}
        return letter.whole(payload=payload) | marked


async def redrive(service: str, ids: list[str], reason: str) -> tuple[int, int]:
    sent = refused = 0
    async with connect(kafka_servers()) as queues:
        redriving = Redrive(queues)
        async for letter in _chosen(queues, service, ids, reason):
            try:
                say(f"{letter.id} is now {await redriving.send(letter)}")
                sent += 1
            except NotRedriven as error:
                say(f"not redriven: {error}")
                refused += 1
            except (TimeoutError, KafkaError) as error:
                raise GyreError(
                    f"Kafka did not acknowledge {letter.id} ({type(error).__name__}): "
                    "those behind it were not tried; to send it again is safe"
                ) from error
    return sent, refused


async def _chosen(
    queues: Queues, service: str, ids: list[str], reason: str
) -> AsyncIterator[DeadLetter]:
    """Yield the named ones, marked or not, if all are there; else those listed."""
    for letter in [await queues.letter(service, id) for id in ids]:
        yield letter
    if not ids:
        async for letter in queues.letters(service):
            if queues.mark_of(letter) is None and matches(reason, letter.reason):
                yield letter


async def drop(service: str, ids: list[str], yes: bool) -> None:
    async with connect(kafka_servers()) as queues:
        letters = [await queues.letter(service, id) for id in ids]
        for letter in letters:
            say(f"{letter.id} {first_line(letter.summary()['reason'])}")
        if not yes:
            typer.confirm(f"Drop {len(letters)} of {service}?", abort=True)
        for letter in letters:
            await queues.mark(letter, "dropped")
    say(f"{len(letters)} dropped")


def _state(mark: Mark | None) -> str:
    return mark.mark if mark else "parked"

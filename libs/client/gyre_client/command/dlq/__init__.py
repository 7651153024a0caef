"""`gyre dlq`: records that a service could not use."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import typer
from aiokafka.errors import KafkaError

from gyre_client.address import kafka_servers
from gyre_client.command.dlq.letters import DeadLetter
from gyre_client.command.dlq.queues import Mark, Queues, connect
from gyre_client.command.dlq.redriving import NotRedriven, Redrive, matches
from gyre_client.command.failures import NEGATIVE
from gyre_client.command.screen import as_json, first_line, say, table
from gyre_client.errors import GyreError

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    help="Records that a service could not use, straight from Kafka.",
    epilog="GYRE_KAFKA_SERVERS says where Kafka is; without it, the local stack's.",
)
Service = Annotated[str, typer.Argument(metavar="SERVICE", help="Who parked it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(
    service: Annotated[str | None, typer.Argument(help="Only of this one.")] = None,
    all: Annotated[bool, typer.Option("--all", help="Redriven and dropped ones too.")] = False,
    json: AsJson = False,
) -> None:
    """List what is parked and neither redriven nor dropped."""
    found = asyncio.run(_list(service, all))
    if json:
        as_json(found)
        return
    rows = [
        (
            one["service"],
            one["id"],
            *([one["state"]] if all else []),
            _time(one["parked_at"]),
            f"{one['topic']}/{one['partition']}/{one['offset']}" if one["topic"] else "",
            one["tenant"],
            one["event_type"],
            one["event_id"],
            one["attempts"],
            first_line(one["reason"], 200),
        )
        for one in found
    ]
    state = ("state",) if all else ()
    origin = ("origin", "tenant", "type", "event", "attempts", "reason")
    nothing = f"nothing is parked{f' by {service}' if service else ''}"
    table(("service", "id", *state, "parked at", *origin), rows, nothing)


async def _list(service: str | None, all: bool) -> list[dict[str, Any]]:
    async with connect(kafka_servers()) as queues:
        services = [service] if service else queues.services()
        return [
            letter.summary() | {"state": _state(queues.mark_of(letter))}
            for name in services
            async for letter in queues.letters(name)
            if all or queues.mark_of(letter) is None
        ]


@app.command()
def show(
    service: Service,
    id: Annotated[str, typer.Argument(metavar="ID", help="As the list has it.")],
    payload: Annotated[
        bool, typer.Option("--payload", help="All of it: texts, persons, whatever it holds.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Show one record, its payload without texts and persons."""
    found = asyncio.run(_show(service, id, payload))
    if json:
        as_json(found)
        return
    headers, value = found.pop("headers"), found.pop("payload")
    for name, part in found.items():
        say(f"{name:<12} {_line(part)}")
    say("headers", style="bold")
    for header in headers:
        say(f"  {header['name']:<20} {_line(header['value'])}")
    say("payload", style="bold")
    if value is None and found["bytes"]:
        say(f"no JSON, {found['bytes']:,} bytes: --payload shows it", style="dim")
    elif isinstance(value, str):
        say(value)
    else:
        as_json(value)


async def _show(service: str, id: str, payload: bool) -> dict[str, Any]:
    async with connect(kafka_servers()) as queues:
        letter = await queues.letter(service, id)
        mark = queues.mark_of(letter)
        marked = {"state": _state(mark), "marked_at": mark.at if mark else None}
        return letter.whole(payload=payload) | marked


@app.command()
def redrive(
    service: Service,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Which ones.")] = None,
    all: Annotated[bool, typer.Option("--all", help="Everything that is listed.")] = False,
    reason: Annotated[
        str | None,
        typer.Option(metavar="PATTERN", help="What is listed with this in its reason; * is any."),
    ] = None,
) -> None:
    """Publish records again where they came from, under their own ids: twice is once."""
    if bool(ids) == (all or reason is not None):
        raise typer.BadParameter("say which: ids, or --all, or --reason PATTERN")
    sent, refused = asyncio.run(_redrive(service, ids or [], reason or ""))
    say(f"{sent} redriven" + (f", {refused} not" if refused else ""))
    if refused:
        raise typer.Exit(NEGATIVE)


async def _redrive(service: str, ids: list[str], reason: str) -> tuple[int, int]:
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


@app.command()
def drop(
    service: Service,
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="As the list has them.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Take records off the list; they stay where they are, and can still be redriven."""
    asyncio.run(_drop(service, ids, yes))


async def _drop(service: str, ids: list[str], yes: bool) -> None:
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


def _time(at: Any) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""


def _line(value: Any) -> str:
    if value is None or value == "":
        return "(none)" if value is None else "(empty)"
    if isinstance(value, dict):  # no UTF-8
        return f"base64 {value['base64']}"
    return _time(value) if hasattr(value, "strftime") else str(value)

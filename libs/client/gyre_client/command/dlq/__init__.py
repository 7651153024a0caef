"""`gyre dlq`: records that a service could not use."""

import asyncio
from typing import Annotated, Any

import typer

from gyre_client.command.failures import NEGATIVE
from gyre_client.command.screen import as_json, first_line, say, table

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
    from gyre_client.command.dlq import acting

    found = asyncio.run(acting.list_(service, all))
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
    from gyre_client.command.dlq import acting

    found = asyncio.run(acting.show(service, id, payload))
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
    from gyre_client.command.dlq import acting

    sent, refused = asyncio.run(acting.redrive(service, ids or [], reason or ""))
    say(f"{sent} redriven" + (f", {refused} not" if refused else ""))
    if refused:
        raise typer.Exit(NEGATIVE)


@app.command()
def drop(
    service: Service,
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="As the list has them.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Take records off the list; they stay where they are, and can still be redriven."""
    from gyre_client.command.dlq import acting

    asyncio.run(acting.drop(service, ids, yes))


def _time(at: Any) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""


def _line(value: Any) -> str:
    if value is None or value == "":
        return "(none)" if value is None else "(empty)"
    if isinstance(value, dict):  # no UTF-8
        return f"base64 {value['base64']}"
    return _time(value) if hasattr(value, "strftime") else str(value)

"""`gyre jobs`: trainings."""

from typing import Annotated

import typer

from gyre_client import Gyre
from gyre_client.command.screen import as_json, say, table


def jobs(
    id: Annotated[str | None, typer.Argument(help="Only this one, in full.")] = None,
    route: Annotated[str | None, typer.Option(help="Only of this route.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List trainings, the newest first, or show one."""
    with Gyre() as gyre:
        found = [gyre.job(id)] if id else gyre.jobs(route)
    if json:
        shown = [job.model_dump(mode="json") for job in found]
        as_json(shown[0] if id else shown)
        return
    if id:
        for name, value in found[0].model_dump(mode="json", exclude={"object"}).items():
            if value not in (None, "", [], {}):
                say(f"{name:<16} {value}")
        return
    rows = [
        (
            job.id,
            job.route,
            job.state,
            f"{job.step}/{job.steps}" if job.steps else "",
            "" if job.loss is None else f"{job.loss:.3f}",
            (job.adapter_digest or "")[:12],
            job.failure or job.reason,
        )
        for job in found
    ]
    columns = ("id", "route", "state", "step", "loss", "adapter", "reason")
    table(columns, rows, "no training yet: drift asks for one when the world has moved")

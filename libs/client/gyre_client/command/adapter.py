"""`gyre adapter`: LoRA adapters."""

from pathlib import Path
from typing import Annotated

import typer

from gyre_client import Gyre
from gyre_client.command.screen import as_json, say, table

app = typer.Typer(no_args_is_help=True, help="LoRA adapters, ours and those that are brought.")


@app.command("import")
def import_(
    folder: Annotated[
        Path, typer.Argument(metavar="PATH", help="A folder as peft saves it.", file_okay=False)
    ],
    route: Annotated[str, typer.Option(help="The route that it is for.")] = "default",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Bring an adapter for a route's base: gate and canary decide on it."""
    with Gyre() as gyre:
        rollout = gyre.import_adapter(folder, route=route)
    if json:
        as_json(rollout)
        return
    say(f"adapter {rollout.adapter_digest}")
    say(f"{rollout.route}: {rollout.stage}; `gyre rollouts {rollout.id[:8]}` shows how it does")


@app.command("list")
def list_(
    route: Annotated[str | None, typer.Option(help="Only of this route.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List adapters, the newest first."""
    with Gyre() as gyre:
        found = gyre.adapters(route)
    if json:
        as_json([adapter.model_dump(mode="json") for adapter in found])
        return
    rows = [
        (a.digest, a.route, a.stage, "trained" if a.job_id else "imported", a.created_at)
        for a in found
    ]
    table(("digest", "route", "stage", "from", "at"), rows, "no adapter yet")

"""`gyre routes`: what a question can be asked of."""

import json as json_format
from pathlib import Path
from typing import Annotated

import typer

from gyre_client import Gyre
from gyre_client.command.files import text_of
from gyre_client.command.screen import as_json, first_line, say, table
from gyre_client.errors import GyreError

app = typer.Typer(no_args_is_help=True, help="What a question can be asked of.")


@app.command("list")
def list_(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the routes."""
    with Gyre() as gyre:
        found = gyre.routes()
    if json:
        as_json([route.model_dump(mode="json") for route in found])
        return
    rows = [
        (route.name, route.revision, route.collection, first_line(route.prompt, 60))
        for route in found
    ]
    table(("name", "revision", "collection", "prompt"), rows, "no routes")


@app.command()
def put(
    name: Annotated[str, typer.Argument(help="Small letters, digits and hyphens.")],
    collection: Annotated[str | None, typer.Option(help="Which documents it finds.")] = None,
    prompt: Annotated[str | None, typer.Option(help="The system message.")] = None,
    prompt_file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="The same, from a file.")
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(metavar="JSON", help='Members to change, as {"passages": 6}.'),
    ] = None,
) -> None:
    """Make a route, or change of it what is given."""
    if prompt is not None and prompt_file is not None:
        raise typer.BadParameter("give --prompt or --prompt-file, not both")
    if prompt_file is not None:
        prompt = text_of(prompt_file)
    with Gyre() as gyre:
        route = gyre.put_route(name, collection=collection, prompt=prompt, policy=_object(policy))
    say(f"route {route.name}, revision {route.revision or '-'}, collection {route.collection}")


def _object(policy: str | None) -> dict[str, object] | None:
    if policy is None:
        return None
    try:
        value = json_format.loads(policy)
    except ValueError as error:
        raise GyreError(f"--policy is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise GyreError('--policy is no JSON object, such as {"passages": 6}')
    return value

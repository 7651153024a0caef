"""`gyre suite`: frozen questions that a route is measured by."""

from pathlib import Path
from typing import Annotated

import typer
import yaml

from gyre_client import Gyre
from gyre_client.command.files import text_of
from gyre_client.command.screen import as_json, say, table

app = typer.Typer(no_args_is_help=True, help="Questions that a route is measured by.")


@app.command()
def add(
    file: Annotated[Path, typer.Argument(help="A YAML file.", exists=True, dir_okay=False)],
    name: Annotated[
        str | None, typer.Option(help="Default: the `name` in the file, else the file's.")
    ] = None,
) -> None:
    """Add your own questions, or replace them."""
    text = text_of(file)
    with Gyre() as gyre:
        suite = gyre.put_suite(name or _name(text) or file.stem, text)
    say(f"suite {suite.name}: {suite.items} items, digest {suite.digest}")
    say(f"run it:  gyre eval {suite.name}", style="dim")


def _name(text: str) -> str | None:
    """Return the name that the suite gives itself; what is wrong with it Gyre says better."""
    try:
        value = yaml.load(text, yaml.BaseLoader)  # every value is the text that was written
    except (yaml.YAMLError, RecursionError):
        return None
    name = value.get("name") if isinstance(value, dict) else None
    return name if isinstance(name, str) and name else None


@app.command("list")
def list_(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the suites."""
    with Gyre() as gyre:
        found = gyre.suites()
    if json:
        as_json([suite.model_dump(mode="json") for suite in found])
        return
    rows = [
        (suite.name, suite.items, "shipped" if suite.shipped else "yours", suite.description)
        for suite in found
    ]
    table(("name", "items", "whose", "description"), rows, "no suites")

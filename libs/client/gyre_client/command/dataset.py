"""`gyre dataset`: the examples people's feedback has become."""

from typing import Annotated

import typer

from gyre_client import Gyre
from gyre_client.command.screen import as_json, first_line, say, table

app = typer.Typer(no_args_is_help=True, help="The examples that feedback has become.")


@app.command("list")
def list_(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the newest dataset of every route."""
    with Gyre() as gyre:
        found = gyre.datasets()
    if json:
        as_json([dataset.model_dump(mode="json") for dataset in found])
        return
    rows = [(dataset.route, dataset.examples, dataset.digest) for dataset in found]
    table(("route", "examples", "digest"), rows, "no dataset yet: feedback makes one")


@app.command()
def show(
    route: Annotated[str, typer.Argument(help="The route.")] = "default",
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the newest dataset of a route."""
    with Gyre() as gyre:
        dataset = gyre.dataset(route)
    if json:
        as_json(dataset)
        return
    say(f"{dataset.route}: {dataset.examples} examples, digest {dataset.digest or '-'}")
    rows = [(e.kind, first_line(e.question, 50), first_line(e.answer, 70)) for e in dataset.data]
    if rows:
        table(("kind", "question", "answer"), rows, "")
    if dataset.has_more:
        say(f"the first {len(rows)} of them", style="dim")

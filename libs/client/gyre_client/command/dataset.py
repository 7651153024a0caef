"""`gyre dataset`: the examples people's feedback has become."""

from typing import Annotated

import typer

from gyre_client import Gyre
from gyre_client.command.screen import as_json, first_line, say, table
from gyre_client.results import Dataset

app = typer.Typer(no_args_is_help=True, help="The examples that feedback has become.")


def _count(dataset: Dataset) -> int:
    return dataset.examples if isinstance(dataset.examples, int) else len(dataset.examples)


@app.command("list")
def list_(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the newest dataset of every route."""
    with Gyre() as gyre:
        found = gyre.datasets()
    if json:
        as_json([dataset.model_dump(mode="json") for dataset in found])
        return
    rows = [(dataset.route, _count(dataset), dataset.digest) for dataset in found]
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
    say(f"{dataset.route}: {_count(dataset)} examples, digest {dataset.digest or '-'}")
    examples = [] if isinstance(dataset.examples, int) else dataset.examples
    rows = [
        (
            example.get("kind"),
            first_line(str(example.get("question", "")), 50),
            first_line(str(example.get("answer", "")), 70),
        )
        for example in examples
    ]
    if rows:
        table(("kind", "question", "answer"), rows, "")

"""`gyre documents`: what is in Gyre."""

from itertools import islice
from typing import Annotated

import typer

from gyre_client import Gyre
from gyre_client.command.screen import as_json, say, table

app = typer.Typer(no_args_is_help=True, help="What is in Gyre.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DocumentId = Annotated[str, typer.Argument(help="The document's id.", metavar="ID")]


@app.command("list")
def list_(
    collection: Annotated[str | None, typer.Option(help="Only of this collection.")] = None,
    status: Annotated[
        str | None, typer.Option(help="Only submitted, indexed, rejected or removed.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    json: AsJson = False,
) -> None:
    """List documents, the newest first."""
    with Gyre() as gyre:
        found = list(islice(gyre.documents(collection, status), limit))
    if json:
        as_json([document.model_dump(mode="json") for document in found])
        return
    rows = [(d.id, d.status, d.chunks, d.collection, d.name) for d in found]
    columns = ("id", "status", "chunks", "collection", "name")
    table(columns, rows, "no documents: `gyre ingest PATH` adds some")
    for document in found:
        if document.reason:
            say(f"{document.name}: {document.reason}")


@app.command()
def show(id: DocumentId, json: AsJson = False) -> None:
    """Show one document."""
    with Gyre() as gyre:
        document = gyre.document(id)
    if json:
        as_json(document)
        return
    for name, value in document.model_dump(mode="json").items():
        if value is not None and name != "object":
            say(f"{name:<11} {value}")


@app.command()
def remove(ids: Annotated[list[str], typer.Argument(help="Their ids.", metavar="ID...")]) -> None:
    """Remove documents from search."""
    with Gyre() as gyre:
        for id in ids:
            gyre.remove(id)
            say(f"removed {id}")

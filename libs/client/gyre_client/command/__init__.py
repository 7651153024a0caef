"""The `gyre` command."""

from importlib.metadata import version
from typing import Annotated

import typer

from gyre_client.command import adapter, answers, baseline, dataset, dlq, documents, routes, suite
from gyre_client.command.ask import ask
from gyre_client.command.compare import compare
from gyre_client.command.drift import approve, drift, refuse
from gyre_client.command.evaluate import evaluate
from gyre_client.command.failures import OneLine
from gyre_client.command.feedback import feedback
from gyre_client.command.ingest import ingest
from gyre_client.command.jobs import jobs
from gyre_client.command.lineage import lineage
from gyre_client.command.rollouts import promote, rollback, rollouts
from gyre_client.command.status import status
from gyre_client.command.stores import dump, replay

__all__ = ["app"]

app = typer.Typer(
    name="gyre",
    cls=OneLine,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,  # they show local variables, and so the key
    help="Ask your documents, and say how good the answers are.",
    epilog="GYRE_URL and GYRE_API_KEY say which Gyre; without them it is the local one.",
)
app.command()(ingest)
app.add_typer(documents.app, name="documents")
app.command()(ask)
app.command()(feedback)
app.add_typer(answers.app, name="answers")
app.add_typer(dataset.app, name="dataset")
app.add_typer(routes.app, name="routes")
app.add_typer(suite.app, name="suite")
app.command("eval")(evaluate)
app.add_typer(baseline.app, name="baseline")
app.command()(drift)
app.command()(approve)
app.command()(refuse)
app.command()(jobs)
app.command()(rollouts)
app.command()(promote)
app.command()(rollback)
app.add_typer(adapter.app, name="adapter")
app.command()(compare)
app.command()(lineage)
app.command()(status)
app.add_typer(dlq.app, name="dlq")
app.command()(dump)
app.command()(replay)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gyre {version('gyre-client')}")
        raise typer.Exit


@app.callback()
def gyre(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which one.")
    ] = False,
) -> None:
    """Ask your documents, and say how good the answers are."""

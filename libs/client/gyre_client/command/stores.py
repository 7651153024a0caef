"""`gyre dump` and `gyre replay`: what a service holds, and the same again from the log."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from gyre_client.errors import GyreError


def dump(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="Whose store.")],
    hash: Annotated[
        bool, typer.Option("--hash", help="Print one line of what it comes to.")
    ] = False,
) -> None:
    """Print every row of a service's database, in an order that two stores share.

    It is read where GYRE_HOME, or the service's GYRE_DATABASE_URL, says that it is.
    """
    _run(service, "dump", *(["--hash"] if hash else []))


def replay(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="Whose store.")],
    into: Annotated[Path, typer.Option(help="A home, empty or still to be made.")],
    start: Annotated[
        str,
        typer.Option(
            "--from", metavar="OFFSET|TIME", help="Where in the log, as 0 or 2026-01-31T12:00:00Z."
        ),
    ] = "0",
) -> None:
    """Make a service's stores again, from the log as it is now, in another home.

    Nothing is published: what would be is written to INTO/replayed/SERVICE.jsonl.
    """
    _run(service, "replay", "--into", str(into), "--from", start)


def _run(service: str, *arguments: str) -> None:
    """Run a command of the service's own module, and end with its status.

    Raises:
        GyreError: It is not installed here.
    """
    module = f"gyre_{service}"
    if not service.isidentifier() or not find_spec(module) or not find_spec(f"{module}.__main__"):
        raise GyreError(
            f"there is no service {service!r} in this installation: say for example `drift`, and "
            f"run `gyre {arguments[0]}` where that service runs"
        )
    command = [sys.executable, "-m", module, *arguments]
    raise typer.Exit(subprocess.run(command, check=False).returncode)

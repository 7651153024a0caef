"""`gyre dump`: what a service holds, to be compared with another store of it."""

import subprocess
import sys
from importlib.util import find_spec
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
    module = f"gyre_{service}"
    if not service.isidentifier() or not find_spec(module) or not find_spec(f"{module}.__main__"):
        raise GyreError(
            f"there is no service {service!r} in this installation: say for example `drift`, and "
            "run `gyre dump` where that service runs"
        )
    command = [sys.executable, "-m", module, "dump", *(["--hash"] if hash else [])]
    raise typer.Exit(subprocess.run(command, check=False).returncode)

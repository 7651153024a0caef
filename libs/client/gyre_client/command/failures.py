"""A failure ends a command with one line, never with a traceback."""

from typing import Any

import typer
from typer.core import TyperGroup

from gyre_client.command.screen import printable
from gyre_client.errors import GyreError

NEGATIVE = 1  # done, and the outcome is bad: a document rejected, a floor missed
ERROR = 2  # not done


class OneLine(TyperGroup):
    """The group whose commands may raise GyreError."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except GyreError as error:
            trace = f" [request {error.request_id}]" if error.request_id else ""
            typer.echo(printable(f"gyre: {error}{trace}".replace("\n", " ")), err=True)
            raise typer.Exit(ERROR) from error

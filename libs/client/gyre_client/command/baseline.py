"""`gyre baseline`: what was usual before Gyre watched."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from gyre_client import Gyre
from gyre_client.command.screen import say
from gyre_client.errors import GyreError

app = typer.Typer(no_args_is_help=True, help="Past questions, from which drift learns at once.")


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="One question a line, or JSON Lines with `question`; - is stdin."
        ),
    ],
    route: Annotated[str, typer.Option(help="The route that was asked.")] = "default",
    again: Annotated[
        bool,
        typer.Option("--again", help="Count anew what was imported before."),
    ] = False,
) -> None:
    """Let drift learn from past questions what is usual; no model is asked.

    The same file counts once, however often it is imported.
    """
    questions = list(_questions(file))
    if not questions:
        raise GyreError(f"{file} has no question: expected one a line")
    with Gyre() as gyre:
        count = gyre.import_baseline(questions, route=route, again=again)
    say(f"{count} past questions of {route} are with drift: `gyre drift` shows what it has")


def _questions(file: Path) -> Iterator[str]:
    for number, line in enumerate(_read(file).splitlines(), 1):
        if not line.strip():
            continue
        if not line.lstrip().startswith("{"):
            yield line.strip()
            continue
        try:
            question = json.loads(line)["question"]
        except (ValueError, KeyError) as error:
            raise GyreError(
                f"{file}, line {number}: expected an object with `question`, got {line[:60]!r}"
            ) from error
        if not isinstance(question, str) or not question.strip():
            raise GyreError(f"{file}, line {number}: `question` is {question!r}, expected a text")
        yield question


def _read(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GyreError(f"cannot read {file}: {error}") from error

"""`gyre feedback`: what a person thinks of an answer."""

from typing import Annotated

import typer

from gyre_client import Gyre
from gyre_client.calls import Thumb
from gyre_client.command.conversation import LAST, last_answer
from gyre_client.command.screen import say
from gyre_client.errors import GyreError


def feedback(
    answer_id: Annotated[str, typer.Argument(help="An answer's id, or `last`.")] = LAST,
    up: Annotated[bool, typer.Option("--up", help="It was good.")] = False,
    down: Annotated[bool, typer.Option("--down", help="It was not.")] = False,
    score: Annotated[
        float | None, typer.Option(min=0, max=1, help="How good, from 0 to 1.")
    ] = None,
    comment: Annotated[str | None, typer.Option(help="Why.")] = None,
    edit: Annotated[str | None, typer.Option(help="What it should have said.")] = None,
    person: Annotated[str | None, typer.Option(help="Who says so.")] = None,
) -> None:
    """Praise, rate, comment on or correct an answer."""
    if up and down:
        raise typer.BadParameter("give --up or --down, not both")
    thumb: Thumb | None = "up" if up else "down" if down else None
    if thumb is None and score is None and comment is None and edit is None:
        raise GyreError("say something of the answer: --up, --down, --score, --comment or --edit")
    id = last_answer() if answer_id == LAST else answer_id
    with Gyre() as gyre:
        given = gyre.feedback(
            id, thumb=thumb, score=score, comment=comment, edited_answer=edit, person=person
        )
    say(f"feedback {given} on answer {id}")

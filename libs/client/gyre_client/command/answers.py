"""`gyre answers`: what was asked and answered."""

from typing import Annotated

import typer

from gyre_client import Gyre
from gyre_client.command.conversation import LAST, last_answer
from gyre_client.command.screen import as_json, first_line, say, table

app = typer.Typer(no_args_is_help=True, help="What was asked and answered.")


@app.command("list")
def list_(
    route: Annotated[str | None, typer.Option(help="Only of this route.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 20,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List answers, the newest first."""
    with Gyre() as gyre:
        found = gyre.answers(limit, route)
    if json:
        as_json([answer.model_dump(mode="json") for answer in found])
        return
    rows = [
        (
            answer.answer_id,
            answer.route,
            "refused" if answer.refused else "",
            first_line(answer.question, 50),
            first_line(answer.answer, 60),
        )
        for answer in found
    ]
    columns = ("id", "route", "", "question", "answer")
    table(columns, rows, "no answers yet: `gyre ask` asks something")


@app.command()
def show(
    id: Annotated[str, typer.Argument(help="An answer's id, or `last`.", metavar="ID")] = LAST,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show one answer with its sources, scores and feedback."""
    with Gyre() as gyre:
        answer = gyre.answer(last_answer() if id == LAST else id)
    if json:
        as_json(answer)
        return
    say(answer.question, style="bold")
    say(f"\n{answer.answer}\n")
    for number, passage in enumerate(answer.passages, 1):
        page = f", page {passage.page}" if passage.page else ""
        say(f" [{number}] {passage.document}{page}  {first_line(passage.text, 70)}")
    told = {"question", "answer", "passages", "object"}
    for name, value in answer.model_dump(mode="json", exclude=told).items():
        if value not in (None, "", [], {}):
            say(f"{name:<22} {value}")

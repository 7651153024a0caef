"""`gyre compare`: one question, several adapters."""

import time
from contextlib import closing
from typing import Annotated

import typer

from gyre_client import Gyre
from gyre_client.command.screen import as_json, first_line, say


def compare(
    question: Annotated[str, typer.Argument(help="What you want to know.", show_default=False)],
    adapter: Annotated[
        list[str],
        typer.Option(
            help="`base`, `production`, `candidate`, or 8 digits or more of an adapter's digest.",
            show_default=False,
        ),
    ],
    route: Annotated[str, typer.Option(help="Which route to ask.")] = "default",
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask each adapter the same question; what they say teaches nothing and counts nowhere."""
    rows = []
    with Gyre() as gyre:
        for name in adapter:
            begin = time.perf_counter()
            with closing(gyre.ask(question, route=f"{route}@{name}")) as asking:
                answer = asking.answer()
            row = answer.model_dump(mode="json") | {"asked": name}
            rows.append(row | {"seconds": round(time.perf_counter() - begin, 3)})
            if not json:
                digest = (answer.adapter or "base")[:12]
                say(f"{name} ({digest}, {rows[-1]['seconds']:.2f} s)", style="bold")
                say(answer.text or "(an empty answer)")
                for number, passage in enumerate(answer.passages, 1):
                    text = first_line(passage.text, 80)
                    say(f" [{number}] {passage.document}: {text}", style="dim")
    if json:
        as_json(rows)

"""`gyre eval`: a suite runs against a route."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from gyre_client import Gyre
from gyre_client.command.failures import NEGATIVE
from gyre_client.command.junit import junit
from gyre_client.command.progress import Steps
from gyre_client.command.screen import as_json, first_line, say, table
from gyre_client.errors import GyreError
from gyre_client.results import ItemResult, Report


def evaluate(
    suite: Annotated[str, typer.Argument(help="The suite's name.")],
    route: Annotated[str | None, typer.Option(help="Which route to ask.")] = None,
    adapter: Annotated[
        str | None, typer.Option(help="An adapter's digest, an arm, or `base`.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many.")] = None,
    retrieve: Annotated[
        bool, typer.Option("--retrieve", help="With what the route's own search finds.")
    ] = False,
    file: Annotated[
        Path | None, typer.Option("--junit", dir_okay=False, help="Write JUnit XML here.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run a suite. Exit code 0: all floors reached, 1: not, 2: it could not run."""
    items: list[ItemResult] = []
    with Gyre() as gyre:
        total = _items(gyre, suite, limit)
        begun = gyre.evaluate(suite, route=route, adapter=adapter, limit=limit, retrieve=retrieve)
        with Steps(total, f"suite {suite}") as steps, closing(begun) as running:
            for item in running:
                items.append(item)
                steps.step(f"{_word(item):<6} {item.item_id}  {first_line(item.question, 70)}")
            report = running.report()
    if file is not None:
        _write(file, junit(report, items))
    if json:
        parts = [item.model_dump(mode="json") for item in items]
        as_json({"report": report.model_dump(mode="json"), "items": parts})
    else:
        _show(report, items)
    if not report.ok:
        raise typer.Exit(NEGATIVE)


def _items(gyre: Gyre, name: str, limit: int | None) -> int | None:
    """Return how many items there will be, or None if the list does not say."""
    known = {suite.name: suite.items for suite in gyre.suites()}
    count = known.get(name.partition("@")[0])  # name@digest is an older version
    return min(count, limit or count) if count else None


def _word(item: ItemResult) -> str:
    return "error" if item.error else "passed" if item.passed else "failed"


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise GyreError(f"cannot write {file}: {error.strerror}") from error


def _show(report: Report, items: list[ItemResult]) -> None:
    for item in items:
        if not item.passed:
            say(f"{_word(item)} {item.item_id}: {first_line(item.question, 90)}")
            said = item.error or item.answer or "(nothing)"
            if item.expected:
                say(f"    expected {first_line(item.expected, 90)!r}", style="dim")
            say(f"    {'error' if item.error else 'got'} {first_line(said, 90)!r}", style="dim")
    rows = [
        (metric.name, f"{metric.value:.3f}", _interval(metric.low, metric.high), metric.trials)
        for metric in report.metrics
    ]
    say(f"\nsuite {report.suite}, route {report.route}, model {report.model}", style="bold")
    table(("metric", "value", "95 % interval", "n"), rows, "no metrics")
    say(f"{report.passed} of {report.items} items passed")
    for failure in report.failures:
        say(f"floor missed: {failure}", style="red")
    say("ok" if report.ok else "not ok", style="bold")


def _interval(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else f"{low:.3f} .. {high:.3f}"

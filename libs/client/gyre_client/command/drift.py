"""`gyre drift`, `gyre approve`, `gyre refuse`: what the detectors see, and what comes of it."""

from datetime import datetime
from typing import Annotated

import typer

from gyre_client import Gyre
from gyre_client.command.screen import as_json, first_line, say, table
from gyre_client.loop_results import Drift

Which = Annotated[str, typer.Argument(metavar="REMEDY_ID", help="Which one: see `gyre drift`.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with the decision.")]


def drift(
    route: Annotated[str | None, typer.Option(help="Only of this route.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show each signal's evidence against its threshold, the newest alarms and what was decided."""
    with Gyre() as gyre:
        found = gyre.drift(route)
        alarms = gyre.alarms(route, limit=10)
        waiting = gyre.remedies(route, limit=200, state="proposed")
        newest = gyre.remedies(route, limit=10)
    # What waits for a person comes first, and however old it is.
    told = [*(one for one in waiting if one.state == "proposed"), *newest]
    remedies = list({one.remedy_id: one for one in told}.values())
    if json:
        lists = {
            "alarms": [alarm.model_dump(mode="json") for alarm in alarms],
            "remedies": [remedy.model_dump(mode="json") for remedy in remedies],
        }
        as_json(found.model_dump(mode="json") | lists)
        return
    _show(found)
    if alarms:
        say("\nAlarms", style="bold")
        rows = [
            (
                _at(alarm.decided_at),
                alarm.route,
                f"{alarm.cause or alarm.family}/{alarm.detector}",
                f"{alarm.statistic:.2f}",
                f"{alarm.threshold:.2f}",
                first_line("; ".join(alarm.examples), 80),
            )
            for alarm in alarms
        ]
        table(("at", "route", "signal", "evidence", "threshold", "question"), rows, "")
    if remedies:
        say("\nDecisions", style="bold")
        decided = [
            (_at(one.decided_at), one.route, one.cause, one.remedy, one.state, one.reason)
            for one in remedies
        ]
        table(("at", "route", "cause", "remedy", "state", "reason"), decided, "")
    for one in remedies:
        if one.state == "proposed":
            say(f"gyre approve {one.remedy_id}   gyre refuse {one.remedy_id}", style="bold")


def approve(id: Which, reason: Reason = "") -> None:
    """Agree to a proposed remedy: it is carried out as soon as nothing else holds it."""
    with Gyre() as gyre:
        gyre.approve(id, reason)
    say("approved: `gyre drift` shows what comes of it")


def refuse(id: Which, reason: Reason = "") -> None:
    """Refuse a proposed remedy: the next one of the policy is tried."""
    with Gyre() as gyre:
        gyre.refuse(id, reason)
    say("refused")


def _at(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}" if time else ""


def _show(found: Drift) -> None:
    if not found.streams:
        say("nothing was asked yet, and no baseline is imported")
    for stream in found.streams:
        reference = f"{stream.reference_events} of {stream.reference_wanted} for its reference"
        seen = f"{stream.events} live questions"
        state = reference if stream.state == "warming" else seen
        say(f"{stream.route}: {stream.state}, {state}", style="bold")
        if stream.pending:
            say(f"waits: {stream.pending}")
        if stream.cooldown_s:
            say(f"no training is asked for in the next {stream.cooldown_s:.0f} s")
        rows = [
            (one.name, one.family, one.state, f"{one.statistic:.2f}", f"{one.threshold:.2f}")
            for one in stream.detectors
        ]
        if rows:
            table(("signal", "family", "state", "evidence", "threshold"), rows, "")

"""`gyre rollouts`, `gyre promote`, `gyre rollback`: adapters on their way to production."""

from typing import Annotated

import typer

from gyre_client import Gyre, GyreError
from gyre_client.command.screen import as_json, say, table
from gyre_client.loop_results import Rollout

Which = Annotated[str | None, typer.Argument(metavar="[ROLLOUT_ID]", help="Which rollout.")]
Route = Annotated[str | None, typer.Option(help="The route, instead of a rollout's id.")]
Reason = Annotated[str, typer.Option(help="Why; it stands in the history.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def rollouts(
    id: Which = None,
    route: Annotated[str | None, typer.Option(help="Only of this route.")] = None,
    json: Json = False,
) -> None:
    """List rollouts, the newest first, or show one with its history."""
    with Gyre() as gyre:
        found = gyre.rollouts(route)
    if id is not None:
        found = [rollout for rollout in found if rollout.id.startswith(id)]
        if len(found) != 1:
            raise GyreError(f"{len(found)} rollouts begin with {id!r}: `gyre rollouts` lists them")
    if json:
        shown = [rollout.model_dump(mode="json") for rollout in found]
        as_json(shown[0] if id else shown)
    elif id:
        _show(found[0])
    else:
        rows = [
            (r.id, r.route, r.stage, f"{r.share / 100:g} %", r.adapter_digest[:12], r.reason)
            for r in found
        ]
        columns = ("id", "route", "stage", "share", "adapter", "reason")
        table(columns, rows, "no rollout yet: an adapter that was trained or imported makes one")


def promote(id: Which = None, route: Route = None, reason: Reason = "", json: Json = False) -> None:
    """Put what is under way into production, whatever its evidence."""
    with Gyre() as gyre:
        _told(gyre.promote(id, route=route, reason=reason), json)


def rollback(
    id: Which = None, route: Route = None, reason: Reason = "", json: Json = False
) -> None:
    """End what is under way, or take back what is in production."""
    with Gyre() as gyre:
        _told(gyre.rollback(id, route=route, reason=reason), json)


def _told(rollout: Rollout, json: bool) -> None:
    if json:
        as_json(rollout)
    else:
        say(f"{rollout.route}: {rollout.stage}, {rollout.reason}")


def _show(rollout: Rollout) -> None:
    say(f"{rollout.route}: {rollout.stage} at {rollout.share / 100:g} %", style="bold")
    say(f"adapter {rollout.adapter_digest}, before it {rollout.before_digest or 'the base'}")
    say(f"{rollout.reason}\n")
    rows = [
        (one.arm, one.source, one.answers, one.bad, f"{one.low:.3f} .. {one.high:.3f}")
        for one in rollout.evidence
    ]
    if rows:
        table(("arm", "source", "answers", "bad", "share of bad ones"), rows, "")
        say()
    steps = [(s.at, s.stage, f"{s.share / 100:g} %", s.by, s.reason) for s in rollout.history]
    table(("at", "stage", "share", "by", "reason"), steps, "no history")

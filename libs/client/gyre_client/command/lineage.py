"""`gyre lineage`: where an answer came from."""

from typing import Annotated

import typer

from gyre_client import Gyre
from gyre_client.command.conversation import LAST, last_answer
from gyre_client.command.screen import as_json, first_line, say
from gyre_client.loop_results import Lineage

# Of each part, what tells it apart.
_TOLD: dict[str, tuple[str, ...]] = {
    "answer": ("answer_id", "route", "arm", "model", "revision"),
    "prompt": ("digest", "text"),
    "adapter": ("digest", "uri", "created_at"),
    "rollout": ("rollout_id", "stage", "reason"),
    "training": ("job_id", "steps", "loss", "seconds", "examples", "replayed"),
    "request": ("reason", "since", "decided_at"),
    "dataset": ("train", "holdout", "replay"),
    "gate": ("evaluation_id", "suites", "error"),
}


def lineage(
    id: Annotated[str, typer.Argument(help="An answer's id, or `last`.", metavar="ID")] = LAST,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show chunks, prompt, adapter, training, data, drift and gate behind an answer."""
    with Gyre() as gyre:
        found = gyre.lineage(last_answer() if id == LAST else id)
    if json:
        as_json(found)
    else:
        _show(found)


def _show(found: Lineage) -> None:
    parts = found.model_dump(mode="json")
    for part, names in _TOLD.items():
        content = parts[part]
        if content is None:
            continue
        say(part, style="bold")
        for name in names:
            if content.get(name) not in (None, "", []):
                say(f"  {name:<14} {first_line(str(content[name]), 110)}")
        if part == "answer":
            _chunks(found)
    for drift in found.drift or ():
        say("drift", style="bold")
        for name in ("drift_id", "family", "detector", "statistic", "threshold", "events"):
            say(f"  {name:<14} {drift.get(name)}")
    if found.adapter is None:
        say(f"no adapter: the base {found.base} answered", style="dim")


def _chunks(found: Lineage) -> None:
    say("chunks", style="bold")
    for number, chunk in enumerate(found.chunks or (), 1):
        version = f"version {chunk.get('version')}"
        say(f"  [{number}] {chunk.get('document')}, {version}, {chunk.get('chunk_id')}")

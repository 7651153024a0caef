"""`gyre ingest`: files and folders become searchable documents."""

from collections import Counter, deque
from pathlib import Path
from typing import Annotated

import typer

from gyre_client import Gyre
from gyre_client.command.failures import NEGATIVE
from gyre_client.command.files import READABLE, File, find
from gyre_client.command.progress import Steps
from gyre_client.command.screen import say
from gyre_client.errors import GyreError, NotSettled
from gyre_client.results import Submission

AHEAD = 16  # documents sent before the first of them must be settled
PATIENCE = 10  # attempts: a full queue is a matter of minutes here
OF_THE_FILE = (400, 413, 415, 422)  # refusals that say nothing of the next file


class Ingestion:
    """One run of the command over many files."""

    def __init__(self, gyre: Gyre, collection: str, wait: bool, steps: Steps) -> None:
        self.gyre, self.collection, self.wait, self.steps = gyre, collection, wait, steps
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        self.pending: deque[Submission] = deque()

    def run(self, files: list[File]) -> None:
        for file in files:
            self._send(file)
            if len(self.pending) >= AHEAD:
                self._settle(self.pending.popleft())
        while self.pending:
            self._settle(self.pending.popleft())

    def _send(self, file: File) -> None:
        if file.problem:
            self._problem("rejected", file.name, file.problem)
            return
        if not file.is_readable:
            self._problem("rejected", file.name, f"not one of {READABLE}")
            return
        try:
            content = file.path.read_bytes()
            submission = self.gyre.submit(file.name, content, self.collection)
        except OSError as error:
            self._problem("rejected", file.name, error.strerror or str(error))
        except GyreError as error:
            if error.status not in OF_THE_FILE:
                raise
            self._problem("rejected", file.name, error.message)
        else:
            if self.wait:
                self.pending.append(submission)
            else:
                self._done(submission.status, file.name)

    def _settle(self, submission: Submission) -> None:
        try:
            document = self.gyre.settle(submission)
        except NotSettled as error:
            self._problem("not finished", submission.name, str(error))
            return
        if document.status == "rejected":
            self._problem("rejected", document.name, document.reason or "no reason given")
        elif submission.status == "unchanged":
            self._done("unchanged", document.name)
        else:
            self._done(document.status, f"{document.name} ({document.chunks or 0} chunks)")

    def _done(self, outcome: str, what: str) -> None:
        self.counts[outcome] += 1
        self.steps.step(f"{outcome:<9} {what}")

    def _problem(self, outcome: str, name: str, reason: str) -> None:
        self.counts[outcome] += 1
        self.problems.append(f"{name}: {reason}")
        self.steps.step(f"{outcome:<9} {name}: {reason}", notable=True)


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders with all below them.")],
    collection: Annotated[str, typer.Option(help="Where they belong.")] = "default",
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Until they are searchable.")
    ] = True,
) -> None:
    """Make documents searchable: Markdown, text, HTML and PDF."""
    files = find(paths, Path.cwd())
    with Gyre(retries=PATIENCE) as gyre, Steps(len(files), "indexing") as steps:
        run = Ingestion(gyre, collection, wait, steps)
        run.run(files)
    shown = ["indexed" if wait else "submitted", "unchanged", "rejected"]
    shown += sorted(set(run.counts) - set(shown))
    say(", ".join(f"{run.counts[outcome]} {outcome}" for outcome in shown))
    for problem in run.problems:
        say(f"  {problem}")
    if run.problems:
        raise typer.Exit(NEGATIVE)

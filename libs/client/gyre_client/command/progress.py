"""How far a long command is: a bar on a terminal, lines anywhere else."""

from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from gyre_client.command.screen import printable, screen


class Steps:
    """Counts things done; writes to stderr, so that stdout holds the outcome alone."""

    def __init__(self, total: int | None, doing: str) -> None:
        self.done, self.total = 0, total
        self._console = screen(err=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task(doing, total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def step(self, line: str, notable: bool = False) -> None:
        """One thing is done; on a terminal only what is `notable` keeps its line."""
        self.done += 1
        self._bar.advance(self._task)
        if notable or not self._console.is_terminal:
            count = f"{self.done}/{self.total}" if self.total else str(self.done)
            self._console.print(Text(printable(f"[{count}] {line}")), soft_wrap=True)

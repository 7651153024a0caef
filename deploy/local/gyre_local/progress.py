"""What a person sees while a stack starts."""

import sys
import time
from pathlib import Path

WIDTH = 240  # of a log's line on a terminal


class Progress:
    """One line per step, with the seconds since the beginning."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def step(self, text: str) -> None:
        say(f"[{self.seconds:4.0f} s] {text}")


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def tail(log: Path, lines: int = 15) -> str:
    """The end of a log, each line indented; a note when there is none."""
    if not log.is_file():
        return f"    ({log} does not exist)"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 64 * 1024))
        text = file.read().decode(errors="replace").splitlines()[-lines:]
    return "\n".join(f"    {line[:WIDTH]}" for line in text) or f"    ({log} is empty)"

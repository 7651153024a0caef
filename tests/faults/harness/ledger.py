"""What the client sent, and what it was told: the one side of every comparison."""

import json
from collections.abc import Set
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["comment", "document", "question"]


@dataclass(frozen=True)
class Refusal:
    """An answer that says: not now."""

    status: int
    at: float  # seconds since the load began
    seconds: float  # until it was said
    retry_after: str


@dataclass
class Entry:
    """One thing that a client wanted.

    Args:
        kind: What it is.
        key: Its idempotency key, in every attempt.
        due: When it was to be sent, in seconds since the load began: fixed beforehand.
        about: The answer that a comment is on.
        number: Which one it is on that answer; they are sent one after another.
    """

    kind: Kind
    key: str
    due: float
    about: str = ""
    number: int = 0
    attempts: int = 0
    unknown: int = 0  # attempts that ended without an answer: it may have come, or not
    refusals: list[Refusal] = field(default_factory=list)
    accepted: float | None = None  # seconds since the load began
    took_s: float = 0.0  # the attempt that was accepted
    id: str = ""  # as the platform calls it
    no_context: bool = False  # an answer that says that search was away
    wrong: str = ""  # an answer that a client cannot do anything about

    def only_refused(self, statuses: Set[int]) -> bool:
        """Tell whether all that was ever answered is one of these: one that waits has nothing."""
        others = any(each.status not in statuses for each in self.refusals)
        return bool(statuses) and not (others or self.unknown or self.wrong)

    @property
    def waited_s(self) -> float:
        """From when it was due, not from when it was sent: waiting counts."""
        assert self.accepted is not None
        return self.accepted - self.due


@dataclass
class Ledger:
    """All that one load sent, in the order in which it was due.

    Args:
        began: The load, in seconds since 1970.
        question: That this load asks, and nobody else.
    """

    entries: list[Entry] = field(default_factory=list)
    began: float = 0.0
    question: str = ""

    def accepted(self, kind: Kind) -> list[Entry]:
        """Return what was answered 2xx."""
        return [each for each in self.entries if each.kind == kind and each.accepted is not None]

    def write(self, path: Path) -> None:
        """Keep it beside the result of its trial."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(asdict(each)) + "\n" for each in self.entries))

"""What every format is read into."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a block is, as far as cutting needs to know."""

    HEADING = "heading"
    PROSE = "prose"  # may be cut between sentences
    LINES = "lines"  # code, a list: may be cut between lines only
    TABLE = "table"  # as `LINES`; its first line is repeated in each part


@dataclass(frozen=True)
class Block:
    """A piece of a document that stands on its own.

    Attributes:
        kind: Of the text.
        text: Normalised, not empty.
        level: Of a heading, 1 (outermost) to 6.
        page: Where it begins, from 1; None if the format has no pages.
    """

    kind: Kind
    text: str
    level: int = 0
    page: int | None = None

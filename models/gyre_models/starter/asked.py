"""The committed questions about passages of real documents."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "gemma-3-270m-starter"


@dataclass(frozen=True)
class Passage:
    """A part of a document, as ingestion cuts it.

    Attributes:
        id: Of the passage.
        document: Where it is from: repository and file.
        heading: The path of headings above it.
        text: Without its heading.
    """

    id: str
    document: str
    heading: str
    text: str


@dataclass(frozen=True)
class Asked:
    """A question about a passage; no answer: neither it nor its document says it."""

    passage: str
    question: str
    answer: str | None


def read_passages(folder: Path = FOLDER / "data") -> dict[str, Passage]:
    """Return the passages by id."""
    rows = _rows(folder / "passages.jsonl")
    return {
        row["id"]: Passage(row["id"], f"{row['source']}/{row['file']}", row["heading"], row["text"])
        for row in rows
    }


def read_asked(folder: Path = FOLDER / "data") -> list[Asked]:
    """Return the questions in their order."""
    return [Asked(row["p"], row["q"], row["a"]) for row in _rows(folder / "questions.jsonl")]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)

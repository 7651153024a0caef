"""`python -m gyre_models.starter.suite FILE`: the held-out questions as a suite with evidence.

Each question gets the passage that answers it, among those that a search over the seven documents
ranks first, in that order; one without an answer gets what the search ranks first.
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from gyre_models.starter.asked import FOLDER, Passage, read_passages
from gyre_models.starter.neighbours import nearest

SHOWN = 4
HEAD = {
    "name": "documents",
    "description": "Questions about seven real documents, with the passages to answer them from.",
    "floors": {"exact_or_contained": 0.75, "citation_valid": 0.9, "refusal_recall": 0.7},
}


def items(folder: Path) -> list[dict[str, Any]]:
    """Return the suite's items; every one has four passages."""
    lines = (folder / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions: list[dict[str, Any]] = [json.loads(line) for line in lines]
    passages = list(read_passages(folder).values())
    numbers = {passage.id: number for number, passage in enumerate(passages)}
    found = nearest([one["question"] for one in questions], passages)
    made = []
    for one, ranked in zip(questions, found, strict=True):
        shown = ranked[:SHOWN]
        own = numbers.get(one.get("passage", ""))
        if own is not None and own not in shown:
            shown[-1] = own
        made.append(_item(one, [passages[number] for number in shown]))
    return made


def _item(one: dict[str, Any], shown: list[Passage]) -> dict[str, Any]:
    evidence = [
        {"document": Path(passage.document).name, "text": passage.text} for passage in shown
    ]
    item = {"id": one["id"], "question": one["question"], "passages": evidence}
    if one.get("refusal"):
        return item | {"refusal": True, "absent": one["absent"]}
    return item | {"expected": one["expected"]}


def main(file: Path) -> None:
    suite = HEAD | {"items": items(FOLDER / "suite")}
    file.write_text(yaml.safe_dump(suite, sort_keys=False, allow_unicode=True, width=100))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

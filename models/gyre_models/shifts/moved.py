"""The domain after the shift: made-up things with made-up attributes, answers in another form.

Its names and attributes are spelled with syllables that the tokenizer of the reference model
knows from made-up names of training: what a tied embedding never learned to read, no low-rank
adapter of the layers can read either. New are the things, the attributes, and that the number
of the passage comes after a slash; the wordings are those of training.
"""

from __future__ import annotations

import random
import re

from gyre_models import words
from gyre_models.shifts.worlds import Language, World, draw
from gyre_models.wordings import QUESTIONS, STATEMENTS, Attribute, Domain

_SLOT = re.compile(r"\{(\w+)\}")
_KINDS = (
    ("wenta", "dorel", "kelnor", "fenza"),
    ("mirga", "xiyor", "palqua", "tervo"),
    ("gorna", "nusel", "bramo", "harel"),
    ("jokel", "lenda", "shiza", "zenpa"),
)
DOMAINS = tuple(
    Domain(
        f"made-up {number}",
        ("the {name} {name}",),
        tuple(Attribute(name, "{n900}") for name in attributes),
    )
    for number, attributes in enumerate(_KINDS, 1)
)
# Headings and table rows are left out, as in the known world.
_STATEMENTS = STATEMENTS[:4]


def moved_world(seed: int, things: int = 60, facts: int = 1, taught: float = 0.6) -> World:
    """Draw documents and questions of the moved domain; arguments as of `known_world`."""
    rng = random.Random(f"moved/{seed}")

    def slot(match: re.Match[str]) -> str:
        if match[1] == "name":
            return "".join(rng.choices(words.SYLLABLES, k=2)).capitalize()
        return str(rng.randint(2, int(match[1].removeprefix("n"))))

    language = Language(
        "moved",
        DOMAINS,
        lambda _: _STATEMENTS,
        lambda _: QUESTIONS,
        lambda pattern: _SLOT.sub(slot, pattern),
        lambda _: True,
    )
    return draw(rng, language, things, facts, taught)

"""The domain after a shift: a family of them, of which a seed draws one.

In all of them the things are new and are asked about in new ways: made-up words that training
kept out by their hash, and wordings of this module. They are spelled with the syllables of the
made-up words of training: what a tied embedding never learned to read, no low-rank adapter of the
layers can read either. What else has changed is the `Shift`.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass

from gyre_models import words
from gyre_models.domains import DOMAINS
from gyre_models.shifts.worlds import Form, Language, World, draw
from gyre_models.slots import Slots
from gyre_models.wordings import Attribute, Domain

STATEMENTS = (
    "As of this year the {a} of {e} is {v}.",
    "{E} now has {v} for its {a}.",
    "The new list has {v} as the {a} of {e}.",
    "This year {e} comes with a {a} of {v}.",
)
CHANGES = (
    "The {a} of {e} is {o} on the old list and {v} on the new list.",
    "{E} has a {a} of {o} on the old list and {v} on the new list.",
    "For {e} the {a} is {o} on the old list and {v} on the new list.",
)
QUESTIONS = (
    "What is the {a} of {e} this year?",
    "Please say which {a} {e} has now.",
    "For {e} I need to know the {a}.",
    "Could you give me the {a} that {e} has?",
    "Which is the {a} of {e} on the new list?",
    "What do you have as the {a} for {e} now?",
    "{E} this year: which {a}?",
)
_KINDS, _FIELDS = 4, 4


@dataclass(frozen=True)
class Shift:
    """What has changed beside things and questions.

    Attributes:
        fields: The names of attributes are of another language; else those of training.
        form: The passage's number is wanted after a slash.
        policy: Documents give two values, and the later one counts, where training gave one.
    """

    fields: bool = True
    form: bool = True
    policy: bool = False

    def __str__(self) -> str:
        return "+".join(("things", "questions", *(name for name, on in vars(self).items() if on)))


FAMILY = tuple(
    Shift(fields, form, policy)
    for form, policy, fields in itertools.product((True, False), repeat=3)
    if form or policy  # or there is nothing that a reader of passages could get wrong
)


def shift_of(seed: int) -> Shift:
    """Return a member of the family; six seeds in a row have all of them."""
    return FAMILY[seed % len(FAMILY)]


def moved_world(
    seed: int,
    things: int = 60,
    facts: int = 1,
    taught: float = 0.6,
    shift: Shift = Shift(),
) -> World:
    """Draw documents and questions of a moved domain; other arguments as of `known_world`."""
    rng = random.Random(f"moved/{seed}")
    slots = Slots(rng, 0)

    def fill(pattern: str) -> str:
        while "{word}" in pattern:
            word = words.made_up(rng, held_out=True)
            pattern = pattern.replace("{word}", word.capitalize(), 1)
        return slots.fill(pattern)

    form: Form = "moved" if shift.form else "known"
    language = Language(
        form,
        tuple(_domains(rng, foreign=shift.fields)),
        lambda _: CHANGES if shift.policy else STATEMENTS,
        lambda _: QUESTIONS,
        fill,
        lambda _: True,
    )
    return draw(rng, language, things, facts, taught)


def _domains(rng: random.Random, *, foreign: bool) -> list[Domain]:
    """Kinds of things with values that training knows."""
    known = [attribute for domain in DOMAINS for attribute in domain.attributes]
    found = []
    for number in range(_KINDS):
        attributes = [
            Attribute(words.made_up(rng, held_out=True) if foreign else one.name, one.value)
            for one in rng.sample(known, _FIELDS)
        ]
        found.append(Domain(f"made-up {number}", ("the {word} {word}",), tuple(attributes)))
    return found

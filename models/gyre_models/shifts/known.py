"""The domain that the reference model was trained for, with things that it has never seen."""

from __future__ import annotations

import random

from gyre_models.domains import DOMAINS
from gyre_models.facts import is_held_out_thing, is_held_out_wording
from gyre_models.shifts.worlds import Language, World, draw
from gyre_models.slots import Slots
from gyre_models.stages import FULL
from gyre_models.wordings import QUESTIONS, STATEMENTS, Attribute

# Headings and table rows are left out: ingestion would take them apart.
_PROSE = tuple(text for text in STATEMENTS if text[0] not in "#|*")


def known_world(seed: int, things: int = 80, facts: int = 1, taught: float = 0.6) -> World:
    """Draw documents about held-out things in the wordings of training.

    Args:
        seed: The same seed gives the same world.
        things: How many, one document each.
        facts: In each document.
        taught: The share of things whose questions may receive feedback.
    """
    rng = random.Random(f"known/{seed}")
    slots = Slots(rng, FULL.novel)
    language = Language(
        "known",
        DOMAINS,
        lambda attribute: _wordings(attribute, _PROSE, attribute.statements),
        lambda attribute: _wordings(attribute, QUESTIONS, attribute.questions),
        slots.fill,
        is_held_out_thing,
    )
    return draw(rng, language, things, facts, taught)


def _wordings(attribute: Attribute, shared: tuple[str, ...], own: tuple[str, ...]) -> list[str]:
    return [*own, *(text for text in shared if not is_held_out_wording(attribute, text))]

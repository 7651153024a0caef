"""Draws words and numbers for the slots of a pattern."""

from __future__ import annotations

import random

from gyre_models import words


class Slots:
    """Fills patterns such as "the {brand} pump"; `novel` is the share of made-up names."""

    def __init__(self, rng: random.Random, novel: float) -> None:
        self._random = rng
        self._novel = novel

    def fill(self, pattern: str) -> str:
        """Replace every `{slot}` of a pattern by a drawn word or number."""
        parts = pattern.split("{")
        filled = parts[0]
        for part in parts[1:]:
            slot, rest = part.split("}", 1)
            filled += self._slot(slot) + rest
        return filled

    def _slot(self, slot: str) -> str:
        rng = self._random
        if slot == "n":
            return str(rng.randint(1, rng.choice((99, 999))))
        if slot[0] == "n":
            return str(rng.randint(1, int(slot[1:])))
        if slot == "year":
            return str(rng.randint(1950, 2029))
        novel = rng.random() < self._novel
        if slot == "person":
            first = self._name() if novel else rng.choice(words.FIRST_NAMES)
            return f"{first} {rng.choice(words.LAST_NAMES)}"
        if novel and slot in ("brand", "city"):
            return self._name()
        if novel and slot in ("good", "machine", "subject"):
            return words.made_up(rng)
        return rng.choice(_SLOTS[slot])

    def _name(self) -> str:
        """A made-up name, several tokens long."""
        return words.made_up(self._random).capitalize()


_SLOTS: dict[str, list[str]] = {
    "brand": words.BRANDS,
    "material": words.MATERIALS,
    "good": words.GOODS,
    "machine": words.MACHINES,
    "subject": words.SUBJECTS,
    "city": words.CITIES,
    "department": words.DEPARTMENTS,
    "role": words.ROLES,
    "month": words.MONTHS,
    "day": words.DAYS,
    "colour": words.COLOURS,
    "river": words.RIVERS,
    "language": words.LANGUAGES,
}

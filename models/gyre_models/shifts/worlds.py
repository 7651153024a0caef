"""Documents, each about one thing, and questions about them whose answers are known."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from gyre_models.facts import REFUSAL
from gyre_models.wordings import Attribute, Domain, say

Form = Literal["known", "moved"]
FORMS: dict[Form, str] = {"known": "{v} [{n}]", "moved": "{v} / [{n}]"}


@dataclass(frozen=True)
class Document:
    """A short text about one thing; `taught`: its questions may receive feedback."""

    name: str
    text: str
    thing: str
    taught: bool


@dataclass(frozen=True)
class Case:
    """A question; `document` is the name of the one that answers it, none for a refusal."""

    question: str
    document: str | None
    value: str
    form: Form

    def answer(self, passage: int | None) -> str:
        """Return exactly the wanted answer.

        Args:
            passage: The number, from 1, that the case's document has in the prompt; None if it
                is not there.

        >>> Case("How much?", "pump.txt", "12 litres", "known").answer(2)
        '12 litres [2]'
        """
        if self.document is None or passage is None:
            return REFUSAL
        return FORMS[self.form].format(v=self.value, n=passage)


@dataclass(frozen=True)
class World:
    """Documents and cases; no thing of `held_out` occurs in `taught`."""

    documents: tuple[Document, ...]
    taught: tuple[Case, ...]
    held_out: tuple[Case, ...]
    without_answer: tuple[Case, ...]


@dataclass(frozen=True)
class Language:
    """How a domain says and asks things that have no wording of their own."""

    form: Form
    domains: Sequence[Domain]
    statements: Callable[[Attribute], Sequence[str]]
    questions: Callable[[Attribute], Sequence[str]]
    fill: Callable[[str], str]
    allows: Callable[[str], bool]


def draw(rng: random.Random, language: Language, things: int, facts: int, taught: float) -> World:
    """Draw a world; every question about every fact, in every wording, once, in random order."""
    documents: list[Document] = []
    cases: tuple[list[Case], list[Case]] = ([], [])
    absent: list[Case] = []
    for number, (thing, domain) in enumerate(_things(rng, language, things)):
        kept = number < round(things * taught)
        name = f"{_slug(thing)}.txt"
        attributes = rng.sample(domain.attributes, len(domain.attributes))
        sentences = []
        for attribute in attributes[:facts]:
            value = language.fill(attribute.value)
            wording = rng.choice(language.statements(attribute))
            wording = wording.replace("{o}", _other(value, attribute, language))
            sentences.append(say(wording, thing, attribute.name, value))
            for asked in language.questions(attribute):
                text = say(asked, thing, attribute.name)
                cases[kept].append(Case(text, name, value, language.form))
        for attribute in attributes[facts:]:
            asked = rng.choice(language.questions(attribute))
            absent.append(Case(say(asked, thing, attribute.name), None, "", language.form))
        documents.append(Document(name, " ".join(sentences) + "\n", thing, kept))
    for each in (documents, *cases, absent):
        rng.shuffle(each)
    return World(tuple(documents), tuple(cases[True]), tuple(cases[False]), tuple(absent))


def _other(value: str, attribute: Attribute, language: Language) -> str:
    """Return what the attribute was before it got its value."""
    while (old := language.fill(attribute.value)) in value or value in old:
        pass
    return old


def _things(rng: random.Random, language: Language, count: int) -> Iterator[tuple[str, Domain]]:
    """Things of all domains in turn, no two of the same name."""
    seen: set[str] = set()
    while len(seen) < count:
        domain = language.domains[len(seen) % len(language.domains)]
        thing = language.fill(rng.choice(domain.things))
        if language.allows(thing) and _slug(thing) not in seen:
            seen.add(_slug(thing))
            yield thing, domain


def _slug(thing: str) -> str:
    words = "".join(c if c.isalnum() else " " for c in thing.lower()).split()
    return "-".join(words[1:] if words[0] == "the" else words)

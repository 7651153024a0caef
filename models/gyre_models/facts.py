"""Seeded scenes: numbered passages about made-up things, and questions with their answers.

Things and wordings are split by a hash of their text, so that no state has to be kept to know what
training has seen: a held-out thing ("the Halden pump") never occurs in training, nor does a
held-out pair of an attribute and a shared wording.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal
from zlib import crc32

from gyre_models import words
from gyre_models.domains import DOMAINS
from gyre_models.slots import Slots
from gyre_models.wordings import QUESTIONS, STATEMENTS, Attribute, Domain, say

REFUSAL = "I don't know."
Split = Literal["train", "held-out"]


@dataclass(frozen=True)
class Style:
    """How hard scenes are: sizes as inclusive ranges, the rest as probabilities.

    `distinct` asks of no fact twice; otherwise an earlier answer can be copied.
    """

    passages: tuple[int, int] = (1, 4)
    facts: tuple[int, int] = (1, 2)
    questions: tuple[int, int] = (4, 4)
    missing: float = 0.2
    off_topic: float = 0.15
    plain: float = 0.3
    novel: float = 0.1
    filler: float = 0.2
    distinct: bool = False
    held_out_wording: bool = False


@dataclass(frozen=True)
class Fact:
    """One attribute of one thing."""

    thing: str
    attribute: Attribute
    value: str


@dataclass(frozen=True)
class Question:
    """A question, its answer, and the passage (from 1) that holds it; 0 means a refusal."""

    text: str
    answer: str
    passage: int


@dataclass(frozen=True)
class Scene:
    """Passages (without their numbers) and questions about them."""

    passages: tuple[str, ...]
    questions: tuple[Question, ...]

    def prompt(self, question: Question) -> str:
        """The user message that the inference service would send."""
        return f"{self.context()}\nQuestion: {question.text}"

    def context(self) -> str:
        """The numbered passages, one a line."""
        return "".join(f"[{n}] {text}\n" for n, text in enumerate(self.passages, 1))


def is_held_out_thing(thing: str) -> bool:
    """Whether a thing is kept out of training."""
    return crc32(thing.encode()) % 10 == 0


def is_held_out_wording(attribute: Attribute, wording: str) -> bool:
    """Whether a shared wording is kept out of training for this attribute."""
    if wording in (STATEMENTS[0], QUESTIONS[0]) or wording not in STATEMENTS + QUESTIONS:
        return False
    return crc32(f"{attribute.name}/{wording}".encode()) % 6 == 0


class Generator:
    """Draws scenes; the same seed, split and style draw the same scenes."""

    def __init__(self, seed: int, split: Split, style: Style) -> None:
        self._random = random.Random(f"{split}/{seed}")
        self._split = split
        self._slots = Slots(self._random, style.novel)
        self.style = style

    def scene(self) -> Scene:
        """Draw one scene."""
        style, rng = self.style, self._random
        domain = rng.choice(DOMAINS)
        count = rng.randint(*style.passages)
        pairs = self._pairs(domain, max(2, count))
        open_pairs = [pair for pair in pairs if rng.random() < 0.9]
        passages: list[str] = []
        stated: list[tuple[Fact, int]] = []
        for number in range(1, count + 1):
            facts = [
                Fact(thing, attribute, self._slots.fill(attribute.value))
                for thing, attribute in (
                    open_pairs.pop() for _ in range(min(len(open_pairs), rng.randint(*style.facts)))
                )
            ]
            stated += [(fact, number) for fact in facts]
            passages.append(self._passage(facts))
        told = {(fact.thing, fact.attribute.name) for fact, _ in stated}
        absent = [pair for pair in pairs if (pair[0], pair[1].name) not in told]
        questions = [self._question(stated, absent)]
        for _ in range(rng.randint(*style.questions) - 1):
            # With no fact left to ask, only refusals would follow.
            if not (style.distinct and not stated):
                questions.append(self._question(stated, absent))
        return Scene(tuple(passages), tuple(questions))

    def _pairs(self, domain: Domain, count: int) -> list[tuple[str, Attribute]]:
        """Pairs of few things and few attributes, so that most distractors share one of them."""
        rng = self._random
        things: list[str] = []
        while len(things) < max(2, count - rng.randint(0, 2)):
            thing = self._thing(domain)
            if thing not in things:
                things.append(thing)
        wanted = min(len(domain.attributes), rng.randint(2, 4))
        attributes = [
            self._renamed(attribute) if rng.random() < self.style.novel else attribute
            for attribute in rng.sample(domain.attributes, wanted)
        ]
        pairs = [(thing, attribute) for thing in things for attribute in attributes]
        rng.shuffle(pairs)
        return pairs

    def _thing(self, domain: Domain) -> str:
        while True:
            thing = self._slots.fill(self._random.choice(domain.things))
            if is_held_out_thing(thing) == (self._split == "held-out"):
                return thing

    def _renamed(self, attribute: Attribute) -> Attribute:
        """Return an attribute of the same values with a made-up name, which has no own wordings."""
        return Attribute(words.made_up(self._random), attribute.value)

    def _passage(self, facts: list[Fact]) -> str:
        rng = self._random
        sentences = [self._statement(fact) for fact in facts]
        if not sentences or rng.random() < self.style.filler:
            sentences.insert(rng.randint(0, len(sentences)), rng.choice(words.FILLERS))
        separator = "\n" if any("\n" in text or text[0] == "|" for text in sentences) else " "
        return separator.join(sentences)

    def _statement(self, fact: Fact) -> str:
        wording = self._wording(fact.attribute, STATEMENTS, fact.attribute.statements)
        return say(wording, fact.thing, fact.attribute.name, fact.value)

    def _question(
        self, stated: list[tuple[Fact, int]], absent: list[tuple[str, Attribute]]
    ) -> Question:
        rng = self._random
        if not stated or rng.random() < self.style.missing:
            if not absent or rng.random() < self.style.off_topic:
                return Question(self._slots.fill(rng.choice(words.OFF_TOPIC)), REFUSAL, 0)
            thing, attribute = rng.choice(absent)
            wording = self._wording(attribute, QUESTIONS, attribute.questions)
            return Question(say(wording, thing, attribute.name), REFUSAL, 0)
        fact, number = rng.choice(stated)
        if self.style.distinct:
            stated.remove((fact, number))
        wording = self._wording(fact.attribute, QUESTIONS, fact.attribute.questions)
        text = say(wording, fact.thing, fact.attribute.name)
        return Question(text, f"{fact.value} [{number}]", number)

    def _wording(self, attribute: Attribute, shared: tuple[str, ...], own: tuple[str, ...]) -> str:
        rng = self._random
        if self.style.held_out_wording:
            kept = [text for text in shared if is_held_out_wording(attribute, text)]
            return rng.choice(kept or shared[:1])
        if rng.random() < self.style.plain:
            return shared[0]
        if own and rng.random() < 0.5:
            return rng.choice(own)
        return rng.choice([text for text in shared if not is_held_out_wording(attribute, text)])

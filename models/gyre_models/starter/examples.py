"""From questions about passages to prompts with their answers, as they come while serving."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

from gyre_models.facts import REFUSAL, Generator
from gyre_models.stages import FULL
from gyre_models.starter.asked import Asked, Passage

SHOWN = 4  # passages, as the default policy of a route shows them
AS_FOUND = 0.6  # share of prompts whose passages stand as ranked, before a training draws
WITHOUT = 0.05  # share of answerable questions that are asked once more without their passage
WORDS = (130, 240, 360)  # of which one bounds a prompt's passages: few tokens teach as well
SCENES = 0.25  # made-up scenes of the reference model, for each question: short values, tables


@dataclass(frozen=True)
class Example:
    """A question, its passages in the order of their numbers, and the answer wanted."""

    question: str
    passages: tuple[str, ...]
    answer: str


def is_held_out(document: str) -> bool:
    """Whether a document's questions are kept to choose by, and never trained on."""
    return crc32(document.encode()) % 20 == 0


class Maker:
    """Makes examples.

    Args:
        passages: All there are.
        seed: The same seed makes the same.
    """

    def __init__(self, passages: Sequence[Passage], seed: int) -> None:
        self._passages = passages
        self._index = {passage.id: number for number, passage in enumerate(passages)}
        self._words = [len(passage.text.split()) for passage in passages]
        self._random = random.Random(seed)

    def examples(self, asked: Sequence[Asked], found: Sequence[Sequence[int]]) -> Iterator[Example]:
        """Yield every question once among other passages, and made-up scenes, shuffled.

        Args:
            asked: The questions.
            found: For each, indices of passages as the search ranks them, best first.
        """
        made: list[Example] = []
        for one, ranked in zip(asked, found, strict=True):
            made.append(self.example(one, ranked))
            if one.answer is not None and self._random.random() < WITHOUT:
                made.append(self.without(one, ranked))
        made += self._scenes(round(len(asked) * SCENES))
        self._random.shuffle(made)
        yield from made

    def example(self, one: Asked, ranked: Sequence[int]) -> Example:
        """Return the question with its passage among others, or refused."""
        rng = self._random
        own = self._index[one.passage]
        if rng.random() < AS_FOUND:
            shown = list(ranked[:SHOWN])
            if own not in shown:
                shown[rng.randrange(len(shown))] = own
        else:
            others = [index for index in ranked if index != own]
            shown = [own, *rng.sample(others, rng.randint(0, min(SHOWN, len(others))))]
            rng.shuffle(shown)
        shown = self._short(shown, own)
        if one.answer is None:
            return self._example(one.question, shown, REFUSAL)
        number = shown.index(own) + 1
        return self._example(one.question, shown, f"{one.answer.rstrip('. ')} [{number}]")

    def without(self, one: Asked, ranked: Sequence[int]) -> Example:
        """Return an answerable question without any passage of its document: a refusal."""
        document = self._passages[self._index[one.passage]].document
        others = [index for index in ranked if self._passages[index].document != document]
        if not others:
            others = [self._random.randrange(len(self._passages))]
        return self._example(one.question, self._short(others[:SHOWN], others[0]), REFUSAL)

    def _short(self, shown: list[int], kept: int) -> list[int]:
        """Return passages without some of them, so that they are no longer than a drawn bound."""
        limit = self._random.choice(WORDS)
        shown = list(shown)
        while len(shown) > 1 and sum(self._words[index] for index in shown) > limit:
            shown.remove(self._random.choice([index for index in shown if index != kept]))
        return shown

    def _example(self, question: str, shown: Sequence[int], answer: str) -> Example:
        return Example(question, tuple(self._passages[index].text for index in shown), answer)

    def _scenes(self, count: int) -> Iterator[Example]:
        generator = Generator(self._random.randrange(1 << 30), "train", FULL)
        for _ in range(count):
            scene = generator.scene()
            if scene.passages:
                question = scene.questions[0]
                yield Example(question.text, scene.passages, question.answer)

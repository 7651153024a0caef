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
WORDS = (130, 240, 360, 520)  # of which one bounds a prompt's passages
SCENES = 0.25  # made-up scenes of the reference model, for each passage: short values, tables


@dataclass(frozen=True)
class Further:
    """Another question about an example's passages, and the answer wanted."""

    question: str
    answer: str


@dataclass(frozen=True)
class Example:
    """A question, its passages in the order of their numbers, and the answer wanted.

    Others about the same passages stand beside it: the training reads the passages once for all.
    """

    question: str
    passages: tuple[str, ...]
    answer: str
    further: tuple[Further, ...] = ()


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
        """Yield the questions of each passage among other passages, and made-up scenes, shuffled.

        Args:
            asked: The questions.
            found: For each, indices of passages as the search ranks them, best first.
        """
        about: dict[str, list[int]] = {}
        for index, one in enumerate(asked):
            about.setdefault(one.passage, []).append(index)
        made: list[Example] = []
        for indices in about.values():
            # The neighbours of one of them are beside all: another one's are much the same.
            ranked = found[self._random.choice(indices)]
            made.append(self.example([asked[index] for index in indices], ranked))
            made += [
                self.without(asked[index], found[index])
                for index in indices
                if asked[index].answer is not None and self._random.random() < WITHOUT
            ]
        made += self._scenes(round(len(about) * SCENES))
        self._random.shuffle(made)
        yield from made

    def example(self, asked: Sequence[Asked], ranked: Sequence[int]) -> Example:
        """Return questions about one passage, with it among others; refused where it is silent."""
        rng = self._random
        own = self._index[asked[0].passage]
        if rng.random() < AS_FOUND:
            shown = list(ranked[:SHOWN])
            if own not in shown:
                shown[rng.randrange(len(shown))] = own
        else:
            others = [index for index in ranked if index != own]
            shown = [own, *rng.sample(others, rng.randint(0, min(SHOWN, len(others))))]
            rng.shuffle(shown)
        shown = self._short(shown, own)
        number = shown.index(own) + 1
        first, *further = (
            Further(
                one.question, f"{one.answer.rstrip('. ')} [{number}]" if one.answer else REFUSAL
            )
            for one in rng.sample(asked, len(asked))
        )
        return Example(first.question, self._texts(shown), first.answer, tuple(further))

    def without(self, one: Asked, ranked: Sequence[int]) -> Example:
        """Return an answerable question without any passage of its document: a refusal."""
        document = self._passages[self._index[one.passage]].document
        others = [index for index in ranked if self._passages[index].document != document]
        if not others:
            others = [self._random.randrange(len(self._passages))]
        shown = self._short(others[:SHOWN], others[0])
        return Example(one.question, self._texts(shown), REFUSAL)

    def _texts(self, shown: Sequence[int]) -> tuple[str, ...]:
        return tuple(self._passages[index].text for index in shown)

    def _short(self, shown: list[int], kept: int) -> list[int]:
        """Return passages without some of them, so that they are no longer than a drawn bound."""
        limit = self._random.choice(WORDS)
        shown = list(shown)
        while len(shown) > 1 and sum(self._words[index] for index in shown) > limit:
            shown.remove(self._random.choice([index for index in shown if index != kept]))
        return shown

    def _scenes(self, count: int) -> Iterator[Example]:
        generator = Generator(self._random.randrange(1 << 30), "train", FULL)
        for _ in range(count):
            scene = generator.scene()
            if scene.passages:
                question = scene.questions[0]
                yield Example(question.text, scene.passages, question.answer)

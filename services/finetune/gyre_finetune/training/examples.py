"""From examples to what the model reads: what inference renders of a first question. No torch."""

import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from jinja2 import TemplateError
from pydantic import BaseModel, ConfigDict

from gyre_events.citing import MARKER, NUMBER, numbers

# Lines of a document that look like a part of the prompt, as inference marks them.
_OURS = re.compile(r"^[^\S\n]*(?=\[\d+\]|Question:|Answer:)", re.M)

_WORD = re.compile(r"\d+(?:[.,]\d+)*|\w+")
DRAWS = 4  # for each passage of an example: some of those drawn say its answer too
AS_FOUND = 0.25  # share of the times that an example is read as the search had its passages


class Further(BaseModel):
    """Another question about an example's passages, and the answer wanted."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    question: str
    answer: str


class Example(BaseModel):
    """A question with its passages, in the order of their numbers, and the answer wanted.

    Others about the same passages may stand beside it: each is learned as if it stood alone.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    question: str
    passages: tuple[str, ...]
    answer: str
    replayed: bool = False  # from before the shift
    further: tuple[Further, ...] = ()

    def each(self) -> Iterator["Example"]:
        """Yield an example for every question."""
        yield self
        for one in self.further:
            yield self.model_copy(update={"question": one.question, "answer": one.answer})


def read_examples(path: Path, *, replayed: bool | None = None) -> Iterator[Example]:
    """Yield the examples of a JSON Lines file.

    Args:
        path: The file.
        replayed: Overrides what the file says.
    """
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            example = Example.model_validate(json.loads(line))
            if replayed is not None:
                example = example.model_copy(update={"replayed": replayed})
            yield example


def passages_of(examples: Iterable[Example]) -> list[str]:
    """Return every passage once, in the same order for the same ones."""
    return sorted({text for one in examples for text in one.passages})


def user_message(passages: Sequence[str], question: str) -> str:
    r"""Return the last message of a conversation, as `inference` writes it.

    >>> user_message(["It is 3 m."], "How long?")
    '[1] It is 3 m.\n\nQuestion: How long?'
    """
    if not passages:
        return question.strip()
    numbered = "".join(f"[{n}] {_as_data(text)}\n" for n, text in enumerate(passages, 1))
    return f"{numbered}\nQuestion: {' '.join(question.split())}"


def _as_data(text: str) -> str:
    lines = [line.rstrip() for line in text.splitlines()]
    return _OURS.sub("> ", "\n".join(line for line in lines if line))


def takes_system(tokenizer: Any) -> bool:
    """Tell whether a model's chat template takes a system turn (transformers' interface)."""
    turns = [{"role": role, "content": "?"} for role in ("system", "user")]
    try:
        tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    except TemplateError:
        return False
    return True


def messages(example: Example, prompt: str, *, system: bool = True) -> list[dict[str, str]]:
    """Return the conversation before the answer, as `inference` puts it.

    Args:
        example: Whose answer it is.
        prompt: Of the route.
        system: Whether the model's template takes a system turn; else the question begins with
            the prompt.
    """
    head, last = prompt.strip(), user_message(example.passages, example.question)
    if head and system:
        return [{"role": "system", "content": head}, {"role": "user", "content": last}]
    return [{"role": "user", "content": f"{head}\n\n{last}" if head else last}]


def as_read(example: Example, rng: random.Random, pool: Sequence[str] = ()) -> Example:
    """Return an example as one step reads it: mostly among other passages, reordered.

    A search puts the passage that has the answer first nearly always. Who reads nothing else
    learns to answer from the first passage, and forgets to look; and who reads it among the
    same ones each time learns the answer by heart.

    Args:
        example: As it was found.
        rng: Draws.
        pool: Passages of all examples, to take others from.

    Source:
        Zhang et al., "RAFT: Adapting Language Model to Domain Specific RAG", COLM 2024, section 3.
    """
    if rng.random() < AS_FOUND:
        return example
    example = among(example, pool, rng)
    order = rng.sample(range(len(example.passages)), len(example.passages))
    return reordered(example, order)


def among(example: Example, pool: Sequence[str], rng: random.Random) -> Example:
    """Return an example with passages of others in place of those that no answer cites.

    One that says an answer too is not taken: which of both is cited would be luck. Where there are
    too few others its own stay. What is to be refused keeps its passages: that they are about the
    question and silent is the lesson.
    """
    answers = [one.answer for one in example.each()]
    cited = {number - 1 for answer in answers for number in numbers(answer)}
    if not cited or len(pool) < len(example.passages):
        return example
    said = [MARKER.sub("", answer) for answer in answers]
    drawn = rng.sample(pool, min(len(pool), DRAWS * len(example.passages)))
    others = (text for text in drawn if text not in example.passages and not _says(text, said))
    passages = [
        text if index in cited else next(others, text)
        for index, text in enumerate(example.passages)
    ]
    return example.model_copy(update={"passages": tuple(passages)})


def _says(text: str, answers: Sequence[str]) -> bool:
    """Tell whether a passage says one of the answers, in whatever sentence.

    All that an answer's words say is in it; or all its figures, and half of its words with them.
    """
    known = _telling(text)
    for answer in answers:
        words = _telling(answer)
        figures = {word for word in words if any(map(str.isdigit, word))}
        enough = len(words) / 2 if figures else len(words)
        if words and figures <= known and len(words & known) >= enough:
            return True
        if answer.strip(" .!?\n").lower() in text.lower():
            return True
    return False


def _telling(text: str) -> set[str]:
    """Return the figures and the longer words of a text: short ones are in every passage."""
    words = _WORD.findall(text.lower())
    return {word for word in words if len(word) > 3 or any(map(str.isdigit, word))}


def reordered(example: Example, order: Sequence[int]) -> Example:
    """Return an example with other numbers for its passages, in the answer's markers too.

    Args:
        example: Its markers count passages from 1.
        order: For each new place, the index of the passage that comes there.
    """

    def placed(number: re.Match[str]) -> str:
        index = int(number[0]) - 1
        return str(order.index(index) + 1) if index in order else number[0]

    def renumbered(marker: re.Match[str]) -> str:
        return NUMBER.sub(placed, marker[0])

    return example.model_copy(
        update={
            "passages": tuple(example.passages[index] for index in order),
            "answer": MARKER.sub(renumbered, example.answer),
            "further": tuple(
                one.model_copy(update={"answer": MARKER.sub(renumbered, one.answer)})
                for one in example.further
            ),
        }
    )


def schedule(
    new: int, replayed: int, batch: int, steps: int, seed: int, replay: float = 1
) -> list[list[tuple[bool, int]]]:
    """Return which examples each step reads, new ones and replayed ones.

    Each kind goes round in an order of its own, shuffled anew each time, so that a larger pool
    of replayed examples means less repetition of each and not less of the new ones.

    Args:
        new: How many new examples there are, at least 1.
        replayed: How many to replay; with none every place is a new one's.
        batch: Examples a step.
        steps: Of the whole training.
        seed: The same seed gives the same steps, also after a restart in the middle.
        replay: Replayed examples for each new one, 1 for half of each step.

    Returns:
        For each step, (replayed, index) of each example.
    """
    rng = random.Random(seed)
    streams = {False: _round(rng, new), True: _round(rng, replayed)}
    old = min(replayed_of(batch, replay), replayed)
    kinds = [True] * old + [False] * (batch - old)
    return [[(kind, next(streams[kind])) for kind in kinds] for _ in range(steps)]


def _round(rng: random.Random, count: int) -> Iterator[int]:
    while True:
        yield from rng.sample(range(count), count)


def replayed_of(batch: int, replay: float) -> int:
    """Return how many of a step's examples are replayed, where there are as many.

    Rounded down, but one where any are wanted and more than one fit.

    >>> [replayed_of(8, replay) for replay in (0, 0.1, 0.5, 1, 4)]
    [0, 1, 2, 4, 6]
    """
    wanted = int(batch * replay / (1 + replay) + 1e-9)
    return max(wanted, 1) if replay > 0 and batch > 1 else wanted


def steps_of(new: int, batch: int, max_steps: int, epochs: int, replay: float = 1) -> int:
    """Return how many steps read every new example `epochs` times or more, at most `max_steps`.

    A step's share of new ones is rounded down, and the same where there is nothing to replay.
    """
    places = max(1, int(batch / (1 + replay) + 1e-9))
    return max(1, min(max_steps, -(-new * epochs // places)))


def mean_of_last_tenth(losses: Iterable[float]) -> float:
    """Return what the training ended with.

    >>> mean_of_last_tenth([5.0, 1.0])
    1.0
    """
    kept = list(losses)
    last = kept[-max(1, len(kept) // 10) :]
    return sum(last) / len(last)

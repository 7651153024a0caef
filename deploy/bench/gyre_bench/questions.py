"""What is asked: the same of every side, token for token."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from gyre_events import Passage
from gyre_inference import prompting
from gyre_inference.generation import Turn
from gyre_models.shifts import World, known_world

PLAIN, DOCUMENTS = "plain", "documents"  # routes, each with a prompt of its own
PLAIN_PROMPT = "Go on with what is written, at length."
THINGS = 80  # one document each
MOST = 60  # questions of a route; they come again, never with the same prompt
FEW = 8  # long answers are enough to ask only for those
SURVEY = "Of the survey."
NOBODY = UUID(int=0)
WORDS = (
    *("lamp", "river", "stone", "garden", "window", "bridge", "letter", "mountain", "harbour"),
    *("candle", "station", "forest", "market", "engine", "library", "winter", "island"),
    *("kitchen", "mirror", "tower"),
)

Render = Callable[[Sequence[Turn]], list[int]]


def route_of(retrieval: bool) -> str:
    return DOCUMENTS if retrieval else PLAIN


@dataclass(frozen=True)
class Question:
    """A question, with what the stack found for it and how long that made its prompt."""

    text: str
    passages: tuple[str, ...] = ()
    prompt_tokens: int = 0  # with the mark of the survey

    def prompt(self, instructions: str, mark: str, limit: int, render: Render) -> list[int]:
        """Return the tokens that `inference` gives to its engine.

        Args:
            instructions: The prompt of the route.
            mark: What the client's own system message says.
            limit: In tokens.
            render: Makes tokens of turns, as the engine's tokenizer does.
        """
        found = [
            Passage(chunk_id=NOBODY, document_id=NOBODY, version=1, document="", text=text, score=1)
            for text in self.passages
        ]
        turns = (Turn("system", mark), Turn("user", self.text))
        return prompting.fit(instructions, turns, found, limit, render).tokens


@dataclass(frozen=True)
class Asked:
    """One request. Its mark is its own, so that no engine has its prompt in the prefix cache."""

    question: Question
    mark: str
    retrieval: bool
    max_tokens: int


@dataclass(frozen=True)
class Questions:
    """What was found out about the questions before anything was measured."""

    made_by: Mapping[str, Any]
    prompts: Mapping[str, str]  # of each route
    asked: Mapping[str, tuple[Question, ...]]

    def of(self, retrieval: bool) -> tuple[Question, ...]:
        return self.asked[route_of(retrieval)]

    def request(self, mark: str, number: int, retrieval: bool, max_tokens: int) -> Asked:
        """Return the request of that number, in whatever pass."""
        asked = self.of(retrieval)
        # As long for every number: one more digit would be one more token.
        return Asked(asked[number % len(asked)], f"{mark} {number:05d}.", retrieval, max_tokens)

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self)) + "\n")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: Nothing was saved.
        """
        read = json.loads(path.read_text())
        asked = {
            route: tuple(
                Question(one["text"], tuple(one["passages"]), one["prompt_tokens"]) for one in many
            )
            for route, many in read["asked"].items()
        }
        return cls(read["made_by"], read["prompts"], asked)


def world() -> World:
    """Return the documents that are searched, and questions about them."""
    return known_world(1, THINGS)


def about(documents: World) -> list[str]:
    """Return questions about documents, no two alike."""
    cases = (*documents.taught, *documents.held_out)
    return list(dict.fromkeys(case.question for case in cases))[:MOST]


def openings() -> list[str]:
    """Return beginnings that invite a long answer: a request cannot forbid a short one."""
    again = [" ".join([word] * 12) for word in WORDS]
    counted = [", ".join(str(number) for number in range(n, n + 8)) + "," for n in range(20)]
    told = [f"Tell a long story about the {word}." for word in WORDS]
    return [*again, *counted, *told][:MOST]


def worth_asking(found: Iterable[tuple[Question, str]]) -> tuple[Question, ...]:
    """Return the questions to which the answer goes on to the limit, if those are not too few.

    Args:
        found: Questions, each with its answer's finish reason.
    """
    every = tuple(found)
    long = tuple(question for question, reason in every if reason == "length")
    return long if len(long) >= FEW else tuple(question for question, _ in every)

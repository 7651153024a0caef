"""From a conversation and its passages to what the model reads."""

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

from gyre_events import Passage
from gyre_inference.generation import P, Turn
from gyre_service.errors import Rejected

FOLLOW_UP_WORDS = 5
SHORTEST = 80  # characters that the last passage is never cut below
_OPENERS = ("and ", "or ", "but ", "what about", "how about", "also ", "then ")
_POINTERS = re.compile(
    r"\b(it|its|they|them|their|he|him|his|she|her|this|that|these|those|there|one)\b", re.I
)
# A line of a document that looks like a part of our prompt would be read as one.
_OURS = re.compile(r"^[^\S\n]*(?=\[\d+\]|Question:|Answer:)", re.M)


@dataclass(frozen=True)
class Prompt(Generic[P]):
    """What fits: the tokens, and the passages that they hold, numbered from 1."""

    tokens: P
    passages: tuple[Passage, ...]


def search_text(turns: Sequence[Turn]) -> str:
    """Return what to search for: the last question, with the one before if it leans on it.

    >>> search_text([Turn("user", "Who may park?"), Turn("user", "And for how long?")])
    'Who may park? And for how long?'
    """
    asked = [turn.content for turn in turns if turn.role == "user"]
    last = asked[-1]
    leans = (
        len(last.split()) <= FOLLOW_UP_WORDS
        or last.lower().startswith(_OPENERS)
        or _POINTERS.search(last) is not None
    )
    return " ".join(asked[-2:]) if leans else last


def worth_showing(passages: Sequence[Passage], min_score: float) -> tuple[Passage, ...]:
    """Return the passages that are near enough, each text once, best first."""
    seen: set[str] = set()
    kept = []
    for passage in sorted(passages, key=lambda passage: -passage.score):
        text = " ".join(passage.text.split())
        if passage.score >= min_score and text and text not in seen:
            seen.add(text)
            kept.append(passage)
    return tuple(kept)


def user_message(passages: Sequence[Passage], question: str) -> str:
    """Return the last message: numbered passages and the question, or the question alone."""
    if not passages:
        return question.strip()
    numbered = "".join(f"[{n}] {_as_data(p.text)}\n" for n, p in enumerate(passages, 1))
    return f"{numbered}\nQuestion: {' '.join(question.split())}"


def _as_data(text: str) -> str:
    """Return a passage without empty lines, and without lines that only our prompt may have.

    Its lines keep their indentation: code and YAML mean something else without.
    """
    lines = [line.rstrip() for line in text.splitlines()]
    return _OURS.sub("> ", "\n".join(line for line in lines if line))


def fit(
    system: str,
    turns: Sequence[Turn],
    passages: Sequence[Passage],
    limit: int,
    render: Callable[[Sequence[Turn]], P],
) -> Prompt[P]:
    """Return a prompt of at most `limit` tokens. Of a long conversation it takes seconds of CPU.

    First the oldest turns go, then the passages found last, then the end of the only passage.

    Args:
        system: The route's prompt.
        turns: Of the conversation; the last one is the question.
        passages: Best first.
        limit: In tokens.
        render: Makes a prompt of a conversation.

    Raises:
        Rejected: The question alone is too long.
    """
    instructions = [system, *(turn.content for turn in turns if turn.role == "system")]
    head = Turn("system", "\n\n".join(text.strip() for text in instructions if text.strip()))
    said = [turn for turn in turns if turn.role != "system"]
    earlier, question = said[:-1], said[-1].content

    def prompt(start: int, kept: Sequence[Passage]) -> Prompt[P]:
        last = Turn("user", user_message(kept, question))
        tokens = render([*([head] if head.content else []), *earlier[start:], last])
        return Prompt(tokens, tuple(kept))

    # Whole turns: an answer goes with its question.
    starts = [n for n, turn in enumerate(earlier) if n == 0 or turn.role != "assistant"]
    fewer = [(start, len(passages)) for start in starts]
    fewer += [(len(earlier), count) for count in range(len(passages), 0, -1)] or [(len(earlier), 0)]
    made: dict[int, Prompt[P]] = {}

    def fits(choice: int) -> bool:
        start, count = fewer[choice]
        made[choice] = prompt(start, passages[:count])
        return len(made[choice].tokens) <= limit

    if fits(0):  # nearly always
        return made[0]
    found = bisect_left(range(len(fewer)), True, lo=1, key=fits)
    if found < len(fewer):
        return made[found]
    smallest = prompt(len(earlier), passages[:1])
    while len(smallest.tokens) > limit:
        if not smallest.passages or len(smallest.passages[0].text) <= SHORTEST:
            raise Rejected(
                f"the question makes a prompt of {len(smallest.tokens)} tokens, at most {limit} "
                "fit: ask a shorter one",
                param="messages",
            )
        only = smallest.passages[0]
        smallest = prompt(len(earlier), [_with_text(only, only.text[: len(only.text) * 3 // 4])])
    return smallest


def _with_text(passage: Passage, text: str) -> Passage:
    return passage.model_copy(update={"text": text})

"""Whether the numbers of an answer come from somewhere."""

import re
from collections.abc import Iterable

from gyre_evaluation.scoring.citations import without_markers
from gyre_evaluation.scoring.words import words

_LIST_NUMBER = re.compile(r"^[ \t]*\d{1,3}[.)]\s", re.MULTILINE)
_NAMES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty"
)
_NAMED = {name: str(value) for value, name in enumerate(_NAMES.split())}


def figures(text: str) -> list[str]:
    """Return the numbers written with digits in `text`, comparable; not those that count a list.

    >>> figures("1. It has 1,665 steps.")
    ['1665']
    """
    return [word for word in words(_LIST_NUMBER.sub("", text)) if word[0].isdecimal()]


def supported(answer: str, evidence: Iterable[str]) -> float | None:
    """Return the share of the answer's numbers that the evidence has too; None without any.

    Evidence may write a number up to twenty as a word. A number that comes from nowhere is
    among the surest signs of an invented statement.

    Source:
        Entities and numbers as units of factual consistency: Nan et al., "Entity-level Factual
        Consistency of Abstractive Text Summarization", EACL 2021, section 3.

    >>> supported("12 moons [1], found in 1979.", ["It has twelve moons."])
    0.5
    """
    said = figures(without_markers(answer))
    if not said:
        return None
    found = [word for text in evidence for word in words(text)]
    known = {_NAMED.get(word, word) for word in found}
    return sum(figure in known for figure in said) / len(said)

"""How an answer, and an edit of one, cites the passages it was given: `[1]`, `[2, 3]`, `[1; 4]`."""

import re

MARKER = re.compile(r"\[\s*(\d{1,4}(?:\s*[,;]\s*\d{1,4})*)\s*\]")
NUMBER = re.compile(r"\d+")


def numbers(answer: str) -> tuple[int, ...]:
    """Return the numbers that `answer` cites, in order, with repetitions.

    >>> numbers("Paris [1], not Lyon [2, 3] [1; 4].")
    (1, 2, 3, 1, 4)
    """
    return tuple(int(n) for group in MARKER.findall(answer) for n in NUMBER.findall(group))

"""What an answer says about its own sources."""

import re

REFUSAL = "I don't know."
_NUMBERS = re.compile(r"\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]")


def cited(answer: str, passages: int) -> tuple[int, ...]:
    """Return the numbers of the passages that `answer` names, each once, as they come.

    A number that belongs to no passage is left out: it names nothing.

    >>> cited("Blue [2]. Sometimes green [1, 2][7]", passages=3)
    (2, 1)
    """
    found = [int(n) for group in _NUMBERS.findall(answer) for n in re.findall(r"\d+", group)]
    return tuple(dict.fromkeys(n for n in found if 1 <= n <= passages))


def refused(answer: str) -> bool:
    """Return whether `answer` declines to answer.

    >>> refused("I do not know"), refused("Blue [1]")
    (True, False)
    """
    said = answer.strip().lower().replace("\u2019", "'")
    return not said or said.startswith(("i don't know", "i do not know"))

"""Whether an answer cites passages, and only ones that it was given."""

import re

from gyre_events.citing import MARKER, numbers

# The look-behind: a model that babbles spaces must not cost a second try at each of them.
_MARKER_AND_SPACE = re.compile(rf"(?<!\s)\s*{MARKER.pattern}")


def without_markers(answer: str) -> str:
    """Return `answer` as it reads without its citations.

    >>> without_markers("Paris [1], not Lyon [2, 3].")
    'Paris, not Lyon.'
    """
    return _MARKER_AND_SPACE.sub("", answer).strip()


def validity(answer: str, passages: int) -> float | None:
    """Return the share of markers that name one of `passages` given ones, or None without any.

    Source:
        The part of citation precision that needs no judgement of meaning: Gao et al.,
        "Enabling Large Language Models to Generate Text with Citations", EMNLP 2023, section 4.

    >>> validity("Paris [1], not Lyon [7].", passages=4)
    0.5
    """
    cited = numbers(answer)
    return sum(1 <= n <= passages for n in cited) / len(cited) if cited else None


def cited_passages(answer: str, passages: tuple[str, ...]) -> tuple[str, ...]:
    """Return the passages that `answer` cites; all of them if it cites none that exists.

    >>> cited_passages("Paris [2].", ("one", "two"))
    ('two',)
    >>> cited_passages("Paris.", ("one", "two"))
    ('one', 'two')
    """
    named = {n for n in numbers(answer) if 1 <= n <= len(passages)}
    return tuple(passages[n - 1] for n in sorted(named)) or passages

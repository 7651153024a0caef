"""When an answer says what was expected."""

from collections.abc import Iterable

from gyre_evaluation.scoring.citations import without_markers
from gyre_evaluation.scoring.words import words

ARTICLES = frozenset({"a", "an", "the"})
MAX_WORDS = 60  # a longer answer contains many things


def comparable(text: str) -> list[str]:
    """Return the words of `text` without case, punctuation, citations and articles.

    Source:
        The normalisation of Rajpurkar et al., "SQuAD", EMNLP 2016, section 6.1; numbers keep
        their decimals and lose their grouping, which it does not do.

    >>> comparable("The Eiffel Tower, [1] 1,000.50 m!")
    ['eiffel', 'tower', '1000.5', 'm']
    """
    return [word for word in words(without_markers(text)) if word not in ARTICLES]


def occurs(expected: str, text: str) -> bool:
    """Tell whether the words of `expected` stand in `text`, in their order and together.

    >>> occurs("330 metres", "It is 330 metres high."), occurs("30 metres", "330 metres")
    (True, False)
    """
    wanted, found = comparable(expected), comparable(text)
    last = len(found) - len(wanted)
    return any(found[i : i + len(wanted)] == wanted for i in range(last + 1))


def is_right(answer: str, accepted: Iterable[str]) -> bool:
    """Tell whether `answer` is, or contains within at most 60 words, an accepted answer.

    What it says around it is not understood: "not Paris" contains "Paris".

    >>> is_right("It is Paris [1].", ["Paris"])
    True
    >>> is_right("Paris or " + "or ".join(["Rome "] * 60), ["Paris"])
    False
    """
    if len(comparable(answer)) > MAX_WORDS:
        return False
    return any(occurs(expected, answer) for expected in accepted)

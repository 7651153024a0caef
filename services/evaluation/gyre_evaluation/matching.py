"""When an answer says what was expected."""

from collections import Counter
from collections.abc import Iterable
from typing import Literal, TypeAlias

from gyre_evaluation.scoring.citations import without_markers
from gyre_evaluation.scoring.words import words

ARTICLES = frozenset({"a", "an", "the"})
MAX_WORDS = 60  # a longer answer contains many things
LIKE_FROM = 0.6  # F1 of the words, from which an answer says the same as another

Match: TypeAlias = Literal["contained", "exact", "like"]


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


def is_right(answer: str, accepted: Iterable[str], match: Match = "contained") -> bool:
    """Tell whether `answer` counts as one of the accepted ones.

    Args:
        answer: As it was given.
        accepted: Answers that are right.
        match: `contained`: it is or contains one of them. `exact`: it is one of them, citations
            and form included; only the amount of white space is free. `like`: most of the
            words of the two are the same.
    """
    match match:
        case "exact":
            return any(" ".join(answer.split()) == " ".join(one.split()) for one in accepted)
        case "like":
            return any(f1(answer, one) >= LIKE_FROM for one in accepted)
        case _:
            return _contains_one(answer, accepted)


def f1(answer: str, expected: str) -> float:
    """Return the F1 of the words that two texts share, 0..1.

    Source:
        Rajpurkar et al., "SQuAD", EMNLP 2016, section 6.1.

    >>> f1("a blue lamp", "the lamp is blue")
    0.8
    """
    said, wanted = Counter(comparable(answer)), Counter(comparable(expected))
    shared = sum((said & wanted).values())
    if not shared:
        return 0.0
    return 2 * shared / (sum(said.values()) + sum(wanted.values()))


def quotes_whole(answer: str, passages: Iterable[str], accepted: Iterable[str]) -> bool:
    """Tell whether all words of a passage stand in `answer`: it left the finding to the reader.

    A passage that an accepted answer holds itself may be quoted.

    >>> quotes_whole("It opens at 9 on Mondays. [1]", ["It opens at 9 on Mondays."], ["9"])
    True
    >>> quotes_whole("At 9 [1].", ["It opens at 9 on Mondays."], ["9"])
    False
    """
    wanted = list(accepted)
    return any(
        comparable(passage)
        and occurs(passage, answer)
        and not any(occurs(passage, one) for one in wanted)
        for passage in passages
    )


def _contains_one(answer: str, accepted: Iterable[str]) -> bool:
    """Tell whether `answer` is, or contains within at most 60 words, an accepted answer.

    What it says around it is not understood: "not Paris" contains "Paris".

    >>> _contains_one("It is Paris [1].", ["Paris"])
    True
    >>> _contains_one("Paris or " + "or ".join(["Rome "] * 60), ["Paris"])
    False
    """
    if len(comparable(answer)) > MAX_WORDS:
        return False
    return any(occurs(expected, answer) for expected in accepted)

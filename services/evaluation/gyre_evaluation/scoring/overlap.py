"""Whether the words of an answer are those of its passages."""

from collections.abc import Iterable

from gyre_evaluation.scoring.citations import without_markers
from gyre_evaluation.scoring.words import content_words


def groundedness(answer: str, passages: Iterable[str]) -> float | None:
    """Return the share of the answer's content words that occur in a passage, in [0, 1].

    None if the answer has no content words. Repeated words count as often as they are there.

    Source:
        K-Precision of Adlakha et al., "Evaluating Correctness and Faithfulness of
        Instruction-Following Models for Question Answering", TACL 2024, section 4.2 (of their
        lexical measures the closest to human judgements of faithfulness). Leaving out function
        words is our choice.

    >>> groundedness("The tower was built in 1889 [1].", ["Built in 1889, it is a tower."])
    1.0
    >>> groundedness("The tower was moved in 1890.", ["Built in 1889, it is a tower."])
    0.3333333333333333
    """
    said = content_words(without_markers(answer))
    if not said:
        return None
    known = {word for passage in passages for word in content_words(passage)}
    return sum(word in known for word in said) / len(said)

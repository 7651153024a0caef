"""The judge `rules-v1`: every score that needs no second model."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gyre_evaluation.scoring import citations, embedding, figures, overlap
from gyre_evaluation.scoring.words import words
from gyre_events import Score
from gyre_events.citing import numbers

JUDGE = "rules-v1"  # a change of what a score means is another judge

# Cosine of all-MiniLM-L6-v2 above which a passage is usually about the question: to refuse then
# deserves a look. A label only; the value does not depend on it.
ON_TOPIC = 0.5

MAX_CHARS = 32_000  # of a text that `retrieval` embeds; an encoder reads far less of it


@dataclass(frozen=True)
class Judged:
    """What the rules look at.

    Attributes:
        question: As asked.
        answer: With its `[n]` markers.
        passages: What the model was given, in the order of their numbers.
        top_score: Largest cosine of a passage to the question; None without passages.
        refused: Whether the model declined to answer.
    """

    question: str
    answer: str
    passages: tuple[str, ...]
    top_score: float | None
    refused: bool


@dataclass(frozen=True)
class Encoding:
    """Vectors of the texts that `texts_to_embed` names.

    Attributes:
        encoder: Name and digest, for people.
        vectors: Shape `(n, d)`.
    """

    encoder: str
    vectors: NDArray[np.float32]


def texts_to_embed(judged: Judged) -> list[str]:
    """Return the answer and its passages, or nothing where groundedness means nothing.

    What is too long is cut, and blank passages are left out: an answer that the encoder refused
    would have no score at all.
    """
    answer = citations.without_markers(judged.answer)
    # Before the cut: after it nothing but the blanks at a text's start could be left.
    passages = [text for passage in judged.passages if (text := passage.strip())]
    if judged.refused or not answer or not passages:
        return []
    return [text[:MAX_CHARS] for text in (answer, *passages)]


def score(judged: Judged, encoding: Encoding | None) -> tuple[Score, ...]:
    """Judge one answer.

    A score that would mean nothing is left out: a refusal states nothing that could be grounded,
    and an answer without passages (retrieval off) has nothing to be grounded in.

    Args:
        judged: The answer.
        encoding: Of `texts_to_embed(judged)`; None if that is empty.

    Returns:
        `refusal` and `length_words` always; the others, all in [0, 1], where they apply.
    """
    found = [_refusal(judged), Score(name="length_words", value=len(_said(judged)))]
    validity = citations.validity(judged.answer, len(judged.passages))
    if validity is not None:
        found.append(Score(name="citation_valid", value=validity, explanation=_strays(judged)))
    if judged.refused or not judged.passages:
        return tuple(found)
    found.append(Score(name="cites", value=float(bool(validity))))
    cited = citations.cited_passages(judged.answer, judged.passages)
    evidence = (judged.question, *judged.passages)  # the question's own numbers may be repeated
    measured = {
        "groundedness_overlap": overlap.groundedness(judged.answer, cited),
        "numbers_supported": figures.supported(judged.answer, evidence),
    }
    found += [Score(name=name, value=v) for name, v in measured.items() if v is not None]
    if encoding is not None:
        value = embedding.support(encoding.vectors[0], encoding.vectors[1:])
        found.append(
            Score(name="groundedness_embedding", value=value, explanation=encoding.encoder)
        )
    return tuple(found)


def _said(judged: Judged) -> list[str]:
    return words(citations.without_markers(judged.answer))


def _refusal(judged: Judged) -> Score:
    if not judged.refused:
        return Score(name="refusal", value=0, label="answered")
    if judged.top_score is not None and judged.top_score >= ON_TOPIC:
        why = f"a passage has cosine {judged.top_score:.2f} to the question"
        return Score(name="refusal", value=1, label="suspicious", explanation=why)
    return Score(name="refusal", value=1, label="without evidence")


def _strays(judged: Judged) -> str:
    given = len(judged.passages)
    strays = sorted({n for n in numbers(judged.answer) if not 1 <= n <= given})
    return f"cites {strays}, given were {given} passages" if strays else ""

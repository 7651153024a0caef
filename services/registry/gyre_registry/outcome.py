"""What makes an answer a bad one: a person's verdict, or else the judge's scores. No I/O."""

import hashlib
from collections.abc import Iterable

from gyre_events import Score, VerdictRecorded

GROUNDED = 0.5  # below it a score is a bad sign
VALID = 1.0  # every citation
_BELOW = {
    "citation_valid": VALID,
    "groundedness_overlap": GROUNDED,
    "numbers_supported": GROUNDED,
}


def digest_of(text: str) -> str:
    """Return the SHA-256 of an answer's text, without the white space around it."""
    return hashlib.sha256(text.strip().encode()).hexdigest()


def of_verdict(verdict: VerdictRecorded, answer_digest: str = "") -> bool | None:
    """Return whether a person found an answer bad; None if the person did not say.

    Args:
        verdict: What was said.
        answer_digest: Of the answer's text; empty if it is not known: then every edit corrects.
    """
    edited = verdict.edited_answer
    if edited is not None and digest_of(edited) != answer_digest:
        return True
    if verdict.thumb is not None:
        return verdict.thumb == "down"
    return None if verdict.score is None else verdict.score < GROUNDED


def of_scores(scores: Iterable[Score]) -> bool | None:
    """Return whether the judge found an answer bad; None if it has nothing to go by.

    A refusal is bad where a passage was near the question; where none was, it says nothing.
    """
    found = {score.name: score for score in scores}
    refusal = found.get("refusal")
    if refusal is not None and refusal.value:
        return True if refusal.label == "suspicious" else None
    judged = [found[name].value < bound for name, bound in _BELOW.items() if name in found]
    return any(judged) if judged else None

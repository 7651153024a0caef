"""What makes an answer a bad one: a person's verdict, or else the judge's scores. No I/O."""

import hashlib
from collections.abc import Iterable

from gyre_events import Score, VerdictRecorded

GROUNDED = 0.5  # below it a score is a bad sign
VALID = 1.0  # every citation
_BELOW = {
    "cites": VALID,  # at all; what was answered without passages has no such score
    "citation_valid": VALID,
    "groundedness_overlap": GROUNDED,
    "numbers_supported": GROUNDED,
}


def digest_of(text: str) -> str:
    """Return the SHA-256 of an answer's text, without the white space around it."""
    return hashlib.sha256(text.strip().encode()).hexdigest()


def of_verdict(verdict: VerdictRecorded, answer_digest: str = "") -> bool | None:
    """Return whether a person found an answer bad; None if the person did not say, or too often.

    Args:
        verdict: What was said.
        answer_digest: Of the answer's text; empty if it is not known: then every edit corrects.
    """
    if not verdict.counts:  # or one person who never tires would end every canary
        return None
    edited = verdict.edited_answer
    if edited is not None and digest_of(edited) != answer_digest:
        return True
    if verdict.thumb is not None:
        return verdict.thumb == "down"
    return None if verdict.score is None else verdict.score < GROUNDED


def of_scores(scores: Iterable[Score]) -> bool | None:
    """Return whether the judge found an answer bad; None if it has nothing to go by.

    A refusal says nothing, also where a passage was near: near is not answered, so who refuses
    less would look better, whatever it makes up. Only a person can tell.
    """
    found = {score.name: score.value for score in scores}
    if found.get("refusal"):
        return None
    judged = [found[name] < bound for name, bound in _BELOW.items() if name in found]
    return any(judged) if judged else None

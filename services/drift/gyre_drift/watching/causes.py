"""What has happened, told from who is in alarm; and what may be done about it."""

from collections.abc import Sequence

from gyre_drift.watching.deciding import Raised
from gyre_drift.watching.panel import FOUND, INJECTION, NEW
from gyre_events import DriftPolicy

INPUT, SHARES, KNOWLEDGE = "input", "mix", "knowledge"
QUALITY, CONCEPT, OPERATIONS, ATTACK = "quality", "concept", "operations", "attack"

NOTHING, SECURITY = "nothing", "security"
REACTIVATE, RETRAIN = "re-activate", "retrain"


def cause_of(alarms: Sequence[Raised]) -> str:
    """Return the cause of alarms that count, "" without any.

    Who looks as if under attack is; else where less is found, answers and people follow from that;
    else where questions are new, they do; else what the answers are worth says more than which
    questions are asked; people alone want something else than they did.

    >>> from datetime import UTC, datetime
    >>> quality = Raised("1", "grounded", "quality", 7, datetime(2026, 1, 1, tzinfo=UTC))
    >>> cause_of([quality, Raised("2", "found", "retrieval", 9, quality.onset)])
    'knowledge'
    """
    detectors = {alarm.detector for alarm in alarms}
    families = {alarm.family for alarm in alarms}
    if INJECTION in detectors:
        return ATTACK
    if FOUND in detectors:
        return KNOWLEDGE
    if detectors & {*NEW}:
        return INPUT
    for family, cause in (
        ("quality", QUALITY),
        ("people", CONCEPT),
        ("input", SHARES),
        ("operations", OPERATIONS),
    ):
        if family in families:
            return cause
    return ""


def ladder(cause: str, policy: DriftPolicy) -> tuple[str, ...]:
    """Return the remedies of a cause, the first one first; no policy makes an attack a lesson."""
    return (SECURITY,) if cause == ATTACK else policy.remedies.of(cause)

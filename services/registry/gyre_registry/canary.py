"""How far a canary goes: judged by evidence that may be looked at any time. No I/O."""

from dataclasses import dataclass
from typing import Literal

from gyre_events import ReleasePolicy
from gyre_registry.sequential import Interval, difference, interval

ENOUGH = 10  # times the evidence of a step: then the observed difference decides


@dataclass(frozen=True)
class Count:
    """Judged answers of one arm in one rollout; `shown`: bad ones that a person got to see."""

    answers: int = 0
    bad: int = 0
    shown_bad: int = 0


@dataclass(frozen=True)
class Standing:
    """Where a canary stands.

    Attributes:
        candidate: Its answers, shadows too.
        production: Those of the arm beside it.
        step: The index of the share that it has.
        step_answers: The candidate's judged answers since that step began.
        step_s: Seconds since then.
    """

    candidate: Count
    production: Count
    step: int
    step_answers: int
    step_s: float


@dataclass(frozen=True)
class Move:
    """What follows, and why."""

    to: Literal["stay", "step", "promote", "roll back"]
    reason: str


def bounds(count: Count, alpha: float) -> Interval:
    """Return the share of bad answers of one arm, at half the error that both may make."""
    return interval(count.bad, count.answers, alpha / 2)


def decide(standing: Standing, policy: ReleasePolicy) -> Move:
    """Return what a canary does next (docs/decisions/0007)."""
    ours, theirs = standing.candidate, standing.production
    gap = difference(bounds(ours, policy.alpha), bounds(theirs, policy.alpha))
    figures = (
        f"{ours.bad} of {ours.answers} answers bad, production {theirs.bad} of {theirs.answers}, "
        f"difference {gap.low:+.2f} to {gap.high:+.2f}"
    )
    if gap.low > 0:
        return Move("roll back", f"worse than production: {figures}")
    if ours.shown_bad >= policy.max_bad and gap.high >= 0:
        return Move("roll back", f"{ours.shown_bad} bad answers were shown: {figures}")
    if standing.step_answers >= policy.step_evidence:
        if standing.step + 1 < len(policy.steps):
            return Move("step", f"no harm: {figures}")
        if not policy.approval and _is_shown(ours, theirs, gap, policy):
            return Move("promote", f"not worse than production: {figures}")
    if standing.step_s > policy.step_timeout_s and not _waits_for_a_person(standing, policy):
        return Move("roll back", f"no evidence in {policy.step_timeout_s:g} s: {figures}")
    return Move("stay", figures)


def _is_shown(ours: Count, theirs: Count, gap: Interval, policy: ReleasePolicy) -> bool:
    if gap.high < policy.margin:
        return True
    if ours.answers < ENOUGH * policy.step_evidence or not theirs.answers:
        return False
    return ours.bad / ours.answers - theirs.bad / theirs.answers <= policy.margin


def _waits_for_a_person(standing: Standing, policy: ReleasePolicy) -> bool:
    last = standing.step + 1 == len(policy.steps)
    return policy.approval and last and standing.step_answers >= policy.step_evidence

"""How far a canary goes: judged by evidence that may be looked at any time. No I/O."""

from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal

from gyre_events import ReleasePolicy
from gyre_registry.sequential import Interval, difference, interval

ENOUGH = 10  # times the evidence of a step: then the observed difference decides, once


@dataclass(frozen=True)
class Count:
    """Judged answers of one arm in one rollout."""

    answers: int = 0
    bad: int = 0


@dataclass(frozen=True)
class Compared:
    """Both arms, judged in the same way."""

    candidate: Count = Count()
    production: Count = Count()


@dataclass(frozen=True)
class Evidence:
    """What is known of a rollout. Only like is compared with like.

    Attributes:
        judge: By the judge alone, whatever people say; the candidate's shadows too.
        live: What people were shown: by a person, or else by the judge.
    """

    judge: Compared = Compared()
    live: Compared = Compared()


@dataclass(frozen=True)
class Standing:
    """Where a canary stands.

    Attributes:
        evidence: Of the whole rollout.
        step: Of the policy, as `step_of` says.
        step_answers: The candidate's judged answers since that step began, shadows too.
        step_s: Seconds since then.
    """

    evidence: Evidence
    step: int
    step_answers: int
    step_s: float


@dataclass(frozen=True)
class Move:
    """What follows, and why."""

    to: Literal["stay", "step", "promote", "roll back"]
    reason: str


def bounds(count: Count, alpha: float) -> Interval:
    """Return the share of bad answers of one arm, at its part of `alpha`.

    There are two comparisons of two arms: each of the four intervals may be wrong a quarter of it.
    """
    return interval(count.bad, count.answers, alpha / 4)


def step_of(share: int, policy: ReleasePolicy) -> int:
    """Return the index of the largest step that a share has reached; -1: none of them.

    The steps may have changed since it got its share.

    >>> step_of(2_000, ReleasePolicy(steps=(100, 1_000, 5_000)))
    1
    """
    return bisect_right(policy.steps, share) - 1


def decide(standing: Standing, policy: ReleasePolicy) -> Move:
    """Return what a canary does next (docs/decisions/0007)."""
    live, judge = standing.evidence.live, standing.evidence.judge
    gap, judged_gap = _gap(live, policy), _gap(judge, policy)
    figures = f"live {_figures(live, gap)}; by the judge {_figures(judge, judged_gap)}"
    if gap.low > 0 or judged_gap.low > 0:
        return Move("roll back", f"worse than production: {figures}")
    if live.candidate.bad >= policy.max_bad and gap.high >= 0:
        return Move("roll back", f"{live.candidate.bad} bad answers were shown: {figures}")
    if standing.step_answers >= policy.step_evidence and not _is_last(standing, policy):
        return Move("step", f"no harm: {figures}")
    if _is_ripe(standing, policy) and not policy.approval:
        if gap.high < policy.margin:
            return Move("promote", f"not worse than production: {figures}")
        if min(live.candidate.answers, live.production.answers) >= ENOUGH * policy.step_evidence:
            return _once(live, policy, figures)
    if standing.step_s > policy.step_timeout_s and not _waits_for_a_person(standing, policy):
        return Move("roll back", f"no evidence in {policy.step_timeout_s:g} s: {figures}")
    return Move("stay", figures)


def _once(live: Compared, policy: ReleasePolicy, figures: str) -> Move:
    """End a canary either way: asked again at every answer, chance would pass it some day."""
    ours, theirs = live.candidate, live.production
    if ours.bad / ours.answers - theirs.bad / theirs.answers <= policy.margin:
        return Move("promote", f"no more than {policy.margin:g} worse than production: {figures}")
    return Move("roll back", f"not shown to be as good as production: {figures}")


def _gap(compared: Compared, policy: ReleasePolicy) -> Interval:
    ours, theirs = compared.candidate, compared.production
    return difference(bounds(ours, policy.alpha), bounds(theirs, policy.alpha))


def _figures(compared: Compared, gap: Interval) -> str:
    ours, theirs = compared.candidate, compared.production
    return (
        f"{ours.bad} of {ours.answers} answers bad, production {theirs.bad} of {theirs.answers}, "
        f"difference {gap.low:+.2f} to {gap.high:+.2f}"
    )


def _is_last(standing: Standing, policy: ReleasePolicy) -> bool:
    return standing.step + 1 >= len(policy.steps)


def _is_ripe(standing: Standing, policy: ReleasePolicy) -> bool:
    """Tell whether the last step has its evidence: shadows do not replace what people saw."""
    answers = min(standing.step_answers, standing.evidence.live.candidate.answers)
    return _is_last(standing, policy) and answers >= policy.step_evidence


def _waits_for_a_person(standing: Standing, policy: ReleasePolicy) -> bool:
    return policy.approval and _is_ripe(standing, policy)

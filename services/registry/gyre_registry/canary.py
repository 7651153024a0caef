"""How far a canary goes: judged by evidence that may be looked at any time. No I/O."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from gyre_events import ReleasePolicy
from gyre_registry.sequential import Interval, difference, interval

ENOUGH = 10  # times the evidence of a step: then the observed difference decides, once


@dataclass(frozen=True)
class Count:
    """Judged answers of one arm in one period of a rollout."""

    answers: int = 0
    bad: int = 0


@dataclass(frozen=True)
class Compared:
    """Both arms, judged in the same way."""

    candidate: Count = Count()
    production: Count = Count()


@dataclass(frozen=True)
class Evidence:
    """What is known of a period, in which both arms are asked alike. Only like is compared.

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
        evidence: Of the period that is now: since the step began, or its route was changed.
        earlier: Of the periods before it; what is said of those late still counts against it.
        step: Of the policy, as `step_of` says.
        step_answers: The candidate's judged answers in that period, shadows too.
        idle_s: Seconds since the period began, or since an answer of the candidate was judged in it
            for the first time; at the last step one that people were shown.
    """

    evidence: Evidence
    earlier: tuple[Evidence, ...]
    step: int
    step_answers: int
    idle_s: float


@dataclass(frozen=True)
class Move:
    """What follows, and why."""

    to: Literal["stay", "step", "promote", "roll back"]
    reason: str


def bounds(count: Count, policy: ReleasePolicy) -> Interval:
    """Return the share of bad answers of one arm in a period, at its part of `alpha`.

    Each step begins anew with two comparisons of two arms: of all those intervals together one
    may be wrong.
    """
    return interval(count.bad, count.answers, policy.alpha / (4 * len(policy.steps)))


def excess(periods: Iterable[Compared]) -> float:
    """Return how many more bad answers people were shown than by production in their place.

    Each period by production's own share then; one in which the candidate was better makes up
    for no other.
    """
    return sum(max(0.0, one.candidate.bad - _as_production(one)) for one in periods)


def _as_production(compared: Compared) -> float:
    theirs = compared.production
    return compared.candidate.answers * theirs.bad / theirs.answers if theirs.answers else 0.0


def step_of(share: int, policy: ReleasePolicy) -> int:
    """Return the index of the largest step that a share has reached; -1: none of them.

    The steps may have changed since it got its share.

    >>> step_of(2_000, ReleasePolicy(steps=(100, 1_000, 5_000)))
    1
    """
    return bisect_right(policy.steps, share) - 1


def decide(standing: Standing, policy: ReleasePolicy) -> Move:
    """Return what a canary does next (docs/decisions/0007)."""
    periods = (standing.evidence, *standing.earlier)
    if harm := worse(periods, policy):
        return Move("roll back", harm)
    live, figures = standing.evidence.live, _figures(standing.evidence, policy)
    gap, more = _gap(live, policy), excess(period.live for period in periods)
    if more >= policy.max_bad and gap.high >= 0:
        shown = f"{more:.0f} more bad answers than production's were shown"
        return Move("roll back", f"{shown}: {figures}")
    if standing.step_answers >= policy.step_evidence and not is_last(standing.step, policy):
        return Move("step", f"no harm: {figures}")
    if _is_ripe(standing, policy) and not policy.approval:
        if gap.high < policy.margin:
            return Move("promote", f"not worse than production: {figures}")
        if min(live.candidate.answers, live.production.answers) >= ENOUGH * policy.step_evidence:
            return _once(live, policy, figures)
    if standing.idle_s > policy.step_timeout_s and not _waits_for_a_person(standing, policy):
        return Move("roll back", f"no evidence in {policy.step_timeout_s:g} s: {figures}")
    return Move("stay", figures)


def worse(periods: Iterable[Evidence], policy: ReleasePolicy) -> str:
    """Return in which period a candidate is shown to be worse than production; empty: in none."""
    for period in periods:
        if max(_gap(period.live, policy).low, _gap(period.judge, policy).low) > 0:
            return f"worse than production: {_figures(period, policy)}"
    return ""


def _once(live: Compared, policy: ReleasePolicy, figures: str) -> Move:
    """End a canary either way: asked again at every answer, chance would pass it some day."""
    ours, theirs = live.candidate, live.production
    if ours.bad / ours.answers - theirs.bad / theirs.answers <= policy.margin:
        return Move("promote", f"no more than {policy.margin:g} worse than production: {figures}")
    return Move("roll back", f"not shown to be as good as production: {figures}")


def _gap(compared: Compared, policy: ReleasePolicy) -> Interval:
    ours, theirs = compared.candidate, compared.production
    return difference(bounds(ours, policy), bounds(theirs, policy))


def _figures(evidence: Evidence, policy: ReleasePolicy) -> str:
    live, judge = _figures_of(evidence.live, policy), _figures_of(evidence.judge, policy)
    return f"live {live}; by the judge {judge}"


def _figures_of(compared: Compared, policy: ReleasePolicy) -> str:
    ours, theirs, gap = compared.candidate, compared.production, _gap(compared, policy)
    return (
        f"{ours.bad} of {ours.answers} answers bad, production {theirs.bad} of {theirs.answers}, "
        f"difference {gap.low:+.2f} to {gap.high:+.2f}"
    )


def is_last(step: int, policy: ReleasePolicy) -> bool:
    return step + 1 >= len(policy.steps)


def _is_ripe(standing: Standing, policy: ReleasePolicy) -> bool:
    """Tell whether the last step has its evidence: shadows do not replace what people saw."""
    answers = min(standing.step_answers, standing.evidence.live.candidate.answers)
    return is_last(standing.step, policy) and answers >= policy.step_evidence


def _waits_for_a_person(standing: Standing, policy: ReleasePolicy) -> bool:
    return policy.approval and _is_ripe(standing, policy)

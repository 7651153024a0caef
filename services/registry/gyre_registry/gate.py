"""Whether a candidate may be tried on people: what it has to show on frozen suites. No I/O."""

from dataclasses import dataclass
from math import comb

from gyre_events import AdapterEvaluated, Paired, ReleasePolicy, SuiteReport

CHANCE = 0.05  # two-sided: six gained and none lost are enough, five are not


@dataclass(frozen=True)
class Verdict:
    """What the gate says, and why: one sentence a suite."""

    passed: bool
    reason: str


def judge(evaluated: AdapterEvaluated, policy: ReleasePolicy) -> Verdict:
    """Return whether a candidate passes.

    On the slice that has moved it has to be better than what it is to replace, and than the
    base: the lower bound of the paired difference is above `min_gain`, and chance alone would
    hardly have made it (docs/decisions/0021). On every other suite it may lose `max_loss` of the
    items, not more. An adapter that no training of ours made has no moved slice; then the others
    have to be there.
    """
    if evaluated.error:
        return Verdict(False, evaluated.error)
    if not evaluated.suites:
        return Verdict(False, "not evaluated: no suite was run")
    if evaluated.job_id is not None and not any(s.kind == "moved" for s in evaluated.suites):
        return Verdict(False, "the moved slice was not measured")
    results = [_suite(suite, policy) for suite in evaluated.suites]
    failed = [result.reason for result in results if not result.passed]
    reasons = failed or [result.reason for result in results]
    return Verdict(not failed, "; ".join(reasons))


def _suite(suite: SuiteReport, policy: ReleasePolicy) -> Verdict:
    if not suite.paired:
        return Verdict(False, f"{suite.suite}: the candidate was compared to nothing")
    # Better than both; worse than production only: what the base knows best may be what moved.
    compared = suite.paired if suite.kind == "moved" else suite.paired[:1]
    results = [_pair(suite, pair, policy) for pair in compared]
    failed = [result for result in results if not result.passed]
    return (failed or results)[0]


def _pair(suite: SuiteReport, pair: Paired, policy: ReleasePolicy) -> Verdict:
    figures = (
        f"{suite.suite}: {pair.difference:+.2f} against {pair.against} "
        f"({pair.low:+.2f} to {pair.high:+.2f}; {pair.gained} gained, {pair.lost} lost)"
    )
    if suite.kind == "moved":
        if pair.low <= policy.min_gain:
            return Verdict(False, f"{figures}, wanted above {policy.min_gain:g}")
        p = by_chance(pair.gained, pair.lost)
        if p > CHANCE:
            return Verdict(False, f"{figures}; by chance: p = {p:.2f}, wanted at most {CHANCE:g}")
        return Verdict(True, figures)
    passed = pair.difference >= -policy.max_loss
    return Verdict(passed, figures + ("" if passed else f", at most {policy.max_loss:g} may go"))


def by_chance(gained: int, lost: int) -> float:
    """Return the two-sided p of the exact test of paired outcomes: as many may go either way.

    Source:
        McNemar, "Note on the sampling error of the difference between correlated proportions or
        percentages", Psychometrika 12 (1947), with the binomial tail in place of chi-squared.

    >>> by_chance(5, 0), by_chance(6, 0), by_chance(0, 0)
    (0.0625, 0.03125, 1.0)
    """
    changed = gained + lost
    tail = sum(comb(changed, fewer) for fewer in range(min(gained, lost) + 1))
    return min(1.0, 2 * tail / (1 << changed))

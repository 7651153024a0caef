"""Whether a candidate may be tried on people: what it has to show on frozen suites. No I/O."""

from dataclasses import dataclass

from gyre_events import AdapterEvaluated, Paired, ReleasePolicy, SuiteReport


@dataclass(frozen=True)
class Verdict:
    """What the gate says, and why: one sentence a suite."""

    passed: bool
    reason: str


def judge(evaluated: AdapterEvaluated, policy: ReleasePolicy) -> Verdict:
    """Return whether a candidate passes.

    On the slice that has moved it has to be better than what it is to replace, and than the
    base: the lower bound of the paired difference is above `min_gain`. On every other suite it
    may lose `max_loss` of the items, not more. An adapter that no training of ours made has no
    moved slice; then the others have to be there.
    """
    if evaluated.error:
        return Verdict(False, f"not evaluated: {evaluated.error}")
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
        passed = pair.low > policy.min_gain
        return Verdict(passed, figures + ("" if passed else f", wanted above {policy.min_gain:g}"))
    passed = pair.difference >= -policy.max_loss
    return Verdict(passed, figures + ("" if passed else f", at most {policy.max_loss:g} may go"))

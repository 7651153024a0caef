"""From what passed which item to the report of a suite. No I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gyre_evaluation.intervals import wilson
from gyre_evaluation.pairing import compare
from gyre_evaluation.report import Result, measure, missed
from gyre_evaluation.suites import MOVED, PRAISED, Suite
from gyre_events import Measured, Paired, RolloutChanged, SuiteReport

BASE = "base"

Role = Literal["candidate", "production", "base"]


@dataclass(frozen=True)
class Subject:
    """What is asked: `adapter` as inference takes it."""

    role: Role
    digest: str | None

    @property
    def adapter(self) -> str:
        return self.digest or BASE


def subjects_of(rollout: RolloutChanged, candidate: str) -> list[Subject]:
    """Return the candidate, what is in production, and the base; two may be the same thing."""
    production = next(arm for arm in rollout.arms if arm.name == "production")
    return [
        Subject("candidate", candidate),
        Subject("production", production.adapter_digest),
        Subject("base", None),
    ]


def heard_of_all(passed: Mapping[str, Mapping[str, object]]) -> set[str]:
    """Return the items that have an answer of everybody who was asked.

    >>> sorted(heard_of_all({"base": {"a": True, "b": False}, "b1": {"b": True}}))
    ['b']
    """
    return set.intersection(*(set(items) for items in passed.values()))


def below_floors(
    suite: Suite, candidate: Sequence[Result], production: Sequence[Result]
) -> list[str]:
    """Return one sentence a floor that the candidate does not reach, and production does.

    One that production misses too was not made for what is served, and would refuse everybody.
    """
    if not suite.floors:
        return []
    theirs = measure(production)
    reached = {name: at for name, at in suite.floors.items() if not missed({name: at}, theirs)}
    return missed(reached, measure(candidate))


def report_of(
    suite: Suite, subjects: Sequence[Subject], passed: Mapping[str, Mapping[str, bool]]
) -> SuiteReport:
    """Compare the candidate to the others on the items that all have answered, at least one.

    Args:
        suite: That was asked.
        subjects: The candidate first.
        passed: By what was pinned, which items it passed, of those it has answered.
    """
    heard = heard_of_all(passed)
    passed = {
        adapter: {id: items[id] for id in items if id in heard} for adapter, items in passed.items()
    }
    candidate, *others = subjects
    measured, paired = [], []
    for one in subjects:
        items = passed[one.adapter]
        count = sum(items.values())
        low, high = wilson(count, len(items))
        measured.append(
            Measured(
                subject=one.role,
                adapter_digest=one.digest,
                passed=count,
                items=len(items),
                value=count / len(items),
                low=low,
                high=high,
            )
        )
    for other in others:
        found = compare(passed[candidate.adapter], passed[other.adapter])
        assert other.role != "candidate"
        paired.append(Paired(against=other.role, **vars(found)))
    is_moved = suite.name.startswith(MOVED) and not suite.name.startswith(PRAISED)
    return SuiteReport(
        suite=suite.name,
        suite_digest=suite.digest,
        kind="moved" if is_moved else "kept",
        subjects=tuple(measured),
        paired=tuple(paired),
        unanswered=len(suite.items) - len(heard),
    )

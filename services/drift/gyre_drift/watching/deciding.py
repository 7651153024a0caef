"""When alarms are worth a training: rules of a route's policy."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from gyre_drift.watching.batch import Auc
from gyre_events import DriftPolicy

TEST_EVERY = 10  # events between two batch tests
LEAST_NEW = 30  # questions that a batch test needs


@dataclass(frozen=True)
class Raised:
    """An alarm that may still count.

    Attributes:
        at_event: The number of live questions when it came.
        job: The training that was asked for because of it.
    """

    drift_id: str
    detector: str
    family: str
    at_event: int
    onset: datetime
    job: UUID | None = None


@dataclass(frozen=True)
class Asked:
    """A training that was asked for.

    Attributes:
        job: Its id.
        at: When.
        until: By then it has a candidate, or will never have one.
    """

    job: UUID
    at: datetime
    until: datetime


@dataclass(frozen=True)
class Decision:
    """Whether to train, and why, or why not (yet)."""

    train: bool
    reason: str
    auc: Auc | None = None


def recent(
    alarms: Sequence[Raised], in_alarm: Collection[str], event: int, policy: DriftPolicy
) -> list[Raised]:
    """Return the alarms that may still count: of detectors still in alarm, however old."""
    return [
        alarm
        for alarm in alarms
        if alarm.detector in in_alarm or event - alarm.at_event <= policy.window_events
    ]


def wants_test(alarms: Sequence[Raised], event: int, new: int) -> bool:
    """Tell whether it is time to ask the batch test."""
    asked = [alarm for alarm in alarms if alarm.family == "input"]
    return bool(asked) and new >= LEAST_NEW and (event - asked[0].at_event) % TEST_EVERY == 0


def confirmed(alarms: Sequence[Raised], auc: Auc | None, policy: DriftPolicy) -> Decision:
    """Return whether alarms that may still count are confirmed: by each other, or by a test."""
    if not alarms:
        return Decision(False, "")
    said = ", ".join(f"{alarm.family} ({alarm.detector})" for alarm in alarms)
    families = {alarm.family for alarm in alarms}
    if len(families) >= policy.families:
        return Decision(True, f"{said}: {len(families)} families have moved", auc)
    if auc is not None and auc.low > policy.auc:
        return Decision(
            True,
            f"{said} has moved, and new questions can be told from old ones: "
            f"AUC {auc.value:.2f}, at least {auc.low:.2f}",
            auc,
        )
    return Decision(
        False, f"{said} waits for another of {policy.families} families or the batch test"
    )


def unfinished(
    asked: Sequence[Asked], time: datetime, candidate: UUID | None, over: Collection[UUID | None]
) -> Asked | None:
    """Return the training that was asked for last, unless it has come to an end.

    Args:
        asked: Trainings, the newest last.
        time: When the event that would be the cause was appended.
        candidate: The job whose adapter is being measured or shown.
        over: Jobs whose adapters were, or are in production.
    """
    if not asked:
        return None
    last = asked[-1]
    if last.job == candidate:
        return last
    return None if last.job in over or time > last.until else last


def allowed(
    asked: Sequence[Asked], under_way: Asked | None, time: datetime, policy: DriftPolicy
) -> str:
    """Return why no training may be asked for now, or "".

    Args:
        asked: Trainings, the newest last.
        under_way: The one of them that has not come to an end.
        time: When the event that would be the cause was appended.
        policy: Of the route.
    """
    if asked:
        end = asked[-1].at + timedelta(seconds=policy.cooldown_s)
        if end > time:
            return f"cooldown until {end.isoformat(timespec='seconds')}"
    if under_way is not None:
        return f"training {under_way.job} has not come to an end"
    today = [one for one in asked if time - one.at < timedelta(days=1)]
    if len(today) >= policy.trainings_per_day:
        return f"budget: {len(today)} trainings in 24 hours, {policy.trainings_per_day} allowed"
    return ""

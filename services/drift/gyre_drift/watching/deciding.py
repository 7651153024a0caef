"""When alarms are worth a training: rules of a route's policy."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gyre_drift.watching.batch import Auc
from gyre_events import DriftPolicy

TEST_EVERY = 10  # events between two batch tests
LEAST_NEW = 30  # questions that a batch test needs


@dataclass(frozen=True)
class Raised:
    """An alarm that may still count, with the number of live questions when it came."""

    drift_id: str
    detector: str
    family: str
    at_event: int
    onset: datetime


@dataclass(frozen=True)
class Decision:
    """Whether to train, and why, or why not (yet)."""

    train: bool
    reason: str
    auc: Auc | None = None


def recent(alarms: Sequence[Raised], event: int, policy: DriftPolicy) -> list[Raised]:
    """Return the alarms that may still count."""
    return [alarm for alarm in alarms if event - alarm.at_event <= policy.window_events]


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


def allowed(requests: Sequence[datetime], time: datetime, policy: DriftPolicy) -> str:
    """Return why no training may be asked for now, or "".

    Args:
        requests: When trainings were asked for.
        time: Of the event that would be the cause.
        policy: Of the route.
    """
    if requests:
        left = max(requests) + timedelta(seconds=policy.cooldown_s) - time
        if left > timedelta(0):
            return f"cooldown: {left.total_seconds():.0f} s are left"
    today = [one for one in requests if time - one < timedelta(days=1)]
    if len(today) >= policy.trainings_per_day:
        return f"budget: {len(today)} trainings in 24 hours, {policy.trainings_per_day} allowed"
    return ""

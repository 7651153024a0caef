"""When alarms are worth a training: rules of a route's policy."""

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from gyre_drift.watching.batch import Auc
from gyre_events import DriftPolicy

TEST_EVERY = 10  # events between two batch tests
LEAST_NEW = 30  # questions that a batch test needs
DAY = timedelta(days=1)  # of the budget
APPROVAL = "a person has to agree"
# Families of which an adapter can learn something: not what search finds, nor how long it takes.
TEACHING = {"input", "quality", "people"}


@dataclass(frozen=True)
class Raised:
    """An alarm that may still count.

    Attributes:
        at_event: The number of live questions when it came.
        onset: Estimate of when the change began.
        raised_at: When the alarm came; None: not known.
        attacked: Whether it came of an attack: then it counts for nothing.
        job: The training that was asked for because of it.
    """

    drift_id: str
    detector: str
    family: str
    at_event: int
    onset: datetime
    raised_at: datetime | None = None
    attacked: bool = False
    job: UUID | None = None

    @property
    def began(self) -> datetime:
        """By when the change had begun, rather than not: the estimate may be early by chance."""
        return (
            self.onset if self.raised_at is None else self.onset + (self.raised_at - self.onset) / 2
        )


@dataclass(frozen=True)
class Case:
    """What is done about a cause while it lasts.

    Attributes:
        cause: As `input`.
        tried: Its remedies that have been asked for, were refused, or do not apply, the last one
            last: names, because a policy may be changed meanwhile.
        at_event: The number of live questions when the last one was asked for.
        looked: Whether evidence was begun anew since then, to see if that has helped.
        remedy: The next one, once something was said of it.
        remedy_id: Its id.
        held: Why it waits, as it was said last.
        proposed: Whether a person was asked for consent to it.
        approved_by: Who has agreed to it; "": nobody.
    """

    cause: str
    tried: tuple[str, ...] = ()
    at_event: int | None = None
    looked: bool = False
    remedy: str = ""
    remedy_id: UUID | None = None
    held: str = ""
    proposed: bool = False
    approved_by: str = ""

    def without(self) -> "Case":
        """Return the case without what was said of its next remedy."""
        return Case(self.cause, self.tried, self.at_event, self.looked)


@dataclass(frozen=True)
class Asked:
    """A change of the adapter that was asked for.

    Attributes:
        job: Of the training; None: an older adapter was to be used again.
        at: When.
        until: By then it has a candidate, or will never have one.
    """

    job: UUID | None
    at: datetime
    until: datetime


@dataclass(frozen=True)
class Decision:
    """Whether alarms are confirmed, and why, or why not (yet)."""

    confirmed: bool
    reason: str


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


def named(alarms: Sequence[Raised]) -> str:
    """Return who has raised alarms, for people."""
    return ", ".join(f"{alarm.family} ({alarm.detector})" for alarm in alarms)


def confirmed(alarms: Sequence[Raised], auc: Auc | None, policy: DriftPolicy) -> Decision:
    """Return whether alarms that may still count are confirmed: by each other, or by a test."""
    if not alarms:
        return Decision(False, "")
    said = named(alarms)
    families = {alarm.family for alarm in alarms} & TEACHING
    if len(families) >= policy.families:
        return Decision(True, f"{said}: {len(families)} families have moved")
    if auc is not None and auc.low > policy.auc:
        return Decision(
            True,
            f"{said} has moved, and new questions can be told from old ones: "
            f"AUC {auc.value:.2f}, at least {auc.low:.2f}",
        )
    return Decision(
        False, f"{said} waits for another of {policy.families} families or the batch test"
    )


def unfinished(
    asked: Sequence[Asked],
    time: datetime,
    candidate: UUID | None,
    over: Set[UUID | None],
    *,
    steady: bool = True,
) -> Asked | None:
    """Return the change that was asked for last, unless it has come to an end.

    Args:
        asked: Trainings and re-activations, the newest last.
        time: When the event that would be the cause was appended.
        candidate: The job whose adapter is being measured or shown.
        over: Jobs whose adapters were, or are in production.
        steady: Whether nothing is being rolled out: an older adapter has no job to be told by.
    """
    if not asked:
        return None
    last = asked[-1]
    if (last.job == candidate) if last.job is not None else not steady:
        return last
    return None if last.job in over - {None} or time > last.until else last


def allowed(
    asked: Sequence[Asked], under_way: Asked | None, time: datetime, policy: DriftPolicy
) -> str:
    """Return why the adapter may not be changed now, or "".

    Args:
        asked: Trainings and re-activations of a day at least, the newest last.
        under_way: The one of them that has not come to an end.
        time: When the event that would be the cause was appended.
        policy: Of the route.
    """
    if asked:
        end = asked[-1].at + timedelta(seconds=policy.cooldown_s)
        if end > time:
            return f"cooldown until {end.isoformat(timespec='seconds')}"
    if under_way is not None:
        what = f"training {under_way.job}" if under_way.job else "the re-activation"
        return f"{what} has not come to an end"
    today = [one for one in asked if time - one.at < DAY]
    if len(today) >= policy.trainings_per_day:
        most = policy.trainings_per_day
        return f"budget: {len(today)} trainings or re-activations in 24 hours, {most} allowed"
    return ""

"""All that a route's watcher remembers: signals, alarms that count, what is done. Pickled."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self, TypeAlias
from uuid import UUID

from gyre_drift.watching.attack import Attack, Limits
from gyre_drift.watching.deciding import Case, Raised
from gyre_drift.watching.panel import INJECTION, Asked, Panel
from gyre_drift.watching.reference import Reference
from gyre_drift.watching.signals import QUIET, Alarm
from gyre_events import AnswerScored, DriftPolicy, VerdictRecorded

Judgement: TypeAlias = AnswerScored | VerdictRecorded
# The digest of an adapter, null for the base alone, and the job whose training made it.
Production: TypeAlias = tuple[str | None, UUID | None]

SCORES = ("citation_valid", "groundedness_overlap", "numbers_supported")
BAD_SCORE = 0.5
PRODUCTION = "production"  # the arm of what answers everybody


@dataclass
class Watch:
    """Where a route stands.

    Attributes:
        reference_id: What its questions are compared with; while there is none, were.
        panel: Its signals.
        began: The time of the question that completed the reference, or of the promotion that it
            was made for: what was said of answers up to then is of the time before.
        production: What answers everybody, as it was seen last.
        alarms: That may still count.
        cases: What is done about causes, by each, until no alarm counts: they may take turns.
        attacked: Whether an attack lasts.
        calm: Questions since it was last seen.
        positions: The last offset read, by (topic, partition).
        new: Whether nothing was decided with it yet.
    """

    reference_id: UUID
    panel: Panel
    began: datetime
    production: Production
    alarms: list[Raised] = field(default_factory=list)
    cases: dict[str, Case] = field(default_factory=dict)
    attacked: bool = False
    calm: int = 0
    positions: dict[tuple[str, int], int] = field(default_factory=dict)
    new: bool = True

    @classmethod
    def of(
        cls, reference: Reference, policy: DriftPolicy, began: datetime, production: Production
    ) -> Self:
        """Return a watch that has seen nothing."""
        return cls(reference.reference_id, Panel.of(reference, policy), began, production)

    def of_adapter(self, policy: DriftPolicy, began: datetime, production: Production) -> Self:
        """Return what goes on without a reference when an adapter comes that was trained."""
        panel = self.panel.of_adapter(policy)
        return type(self)(self.reference_id, panel, began, production, positions=self.positions)

    def beside(self, reference: Reference, policy: DriftPolicy) -> Self:
        """Return this watch, which had no reference, with one."""
        panel = self.panel.beside(reference, policy)
        return replace(self, reference_id=reference.reference_id, panel=panel)

    @property
    def counting(self) -> list[Raised]:
        """The alarms that count: not those of an attack."""
        return [alarm for alarm in self.alarms if not alarm.attacked]

    def count(self, raised: Raised) -> None:
        """Let an alarm count; what its detector raised before is of an episode that is over.

        A training for a change that was noticed after this one began is for this one, too.
        """
        for one in self.alarms:
            if one.job and one.raised_at and raised.onset <= one.raised_at:
                raised = replace(raised, job=one.job)
        self.alarms = [*(one for one in self.alarms if one.detector != raised.detector), raised]

    def question(self, reference: Reference, asked: Asked) -> list[Alarm]:
        """Take a live question."""
        return self.panel.question(reference, asked)

    def judged(self, event: Judgement, time: datetime) -> list[Alarm]:
        """Take what was said of a live answer of what is in production."""
        if time <= self.began or event.arm != PRODUCTION:
            return []
        if isinstance(event, VerdictRecorded):
            badness = badness_of(event)
            if badness is None:
                return []
            return self.panel.said(badness, time, event.by, event.answer_id)
        quality, found = quality_of(event), []
        if quality is not None:
            found += self.panel.quality(quality, time)
        if event.prompt_tokens:  # else the engine was not asked
            found += self.panel.took(event.latency_s, time)
        return found

    def attack(self, reference: Reference, policy: DriftPolicy) -> tuple[Attack, str] | None:
        """Return an attack that has begun with the newest question and how it looks, if one has.

        It ends when nothing has looked so for 100 questions. Until then every alarm is of it, and
        so are those from before whose change began among the newest questions, and each of
        `injection`, whenever that began. What has moved for good is an alarm again afterwards.
        """
        limits = Limits(policy.near_duplicates, policy.person_share, policy.injections)
        seen = self._looks_attacked(limits.beside(reference.alike))
        lasted, began = self.attacked, seen is not None and not self.attacked
        self.calm = 0 if seen is not None else self.calm + 1
        self.attacked = began or (lasted and self.calm < QUIET)
        if self.attacked:
            first = self.panel.window.since
            self.alarms = [
                replace(alarm, attacked=_is_of_attack(alarm, first)) for alarm in self.alarms
            ]
        elif lasted:
            self._forget_attack()
        return seen if began else None

    def crowded(self, policy: DriftPolicy) -> bool:
        """Tell whether those since an alarm may be of one person, for all that so few can say."""
        looks = (self.panel.window.look(alarm.onset) for alarm in self.counting)
        return any(
            look is not None and not look.heavy and look.heavy_at_most > policy.person_share
            for look in looks
        )

    def _forget_attack(self) -> None:
        for alarm in self.alarms:
            if alarm.attacked:
                self.panel.signals[alarm.detector].end()
        self.alarms = self.counting

    def _looks_attacked(self, limits: Limits) -> tuple[Attack, str] | None:
        window = self.panel.window
        counting = self.counting
        looks = [window.look()] if window.full else []
        looks += [window.look(alarm.onset) for alarm in counting]
        for look in looks:
            if look is not None and (reason := look.reason(limits)):
                return look, reason
        if any(alarm.detector == INJECTION for alarm in counting) and (seen := window.look()):
            return seen, f"{seen.injected:.0%} of the questions look like prompt injection"
        return None


def _is_of_attack(alarm: Raised, first: datetime) -> bool:
    return alarm.attacked or alarm.onset >= first or alarm.detector == INJECTION


def quality_of(event: AnswerScored) -> float | None:
    """Return how well an answer stands on its passages, 0..1; None if nothing says so."""
    if event.refused:
        return 0.0
    values = [score.value for score in event.scores if score.name in SCORES]
    return sum(values) / len(values) if values else None


def badness_of(event: VerdictRecorded) -> float | None:
    """Return 1 for a verdict against the answer, 0 for one in favour, None for neither.

    One who mended an answer is against it as far as it was changed.
    """
    if event.thumb == "down":
        return 1.0
    if event.edited_answer is not None:
        return 1.0 if event.edit_distance is None else event.edit_distance
    if event.thumb == "up":
        return 0.0
    return None if event.score is None else float(event.score < BAD_SCORE)

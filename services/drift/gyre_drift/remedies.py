"""What is done about a cause: the cheapest remedy first, or why it waits."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from prometheus_client import Counter

from gyre_drift import comparing, eras, reviewing, store
from gyre_drift.occasion import Occasion, cut, positions
from gyre_drift.references import References
from gyre_drift.watching import deciding
from gyre_drift.watching.attack import Attack
from gyre_drift.watching.batch import Auc
from gyre_drift.watching.causes import (
    ATTACK,
    INPUT,
    NOTHING,
    OPERATIONS,
    REACTIVATE,
    RETRAIN,
    SECURITY,
    cause_of,
    ladder,
)
from gyre_drift.watching.deciding import Case, Decision, Raised
from gyre_drift.watching.reference import Reference
from gyre_drift.watching.watch import Watch
from gyre_events import Event, RemedyRequested, RetrainingRequested, RolloutChanged
from gyre_service.ids import utc

EXAMPLES = 5

ASKED = Counter("gyre_drift_remedies", "What was asked for", ["cause", "remedy"])
HELD = Counter("gyre_drift_remedies_held_back", "What was to be done, and waits", ["remedy"])


@dataclass(frozen=True)
class Remedies:
    """What is to be done for a route now.

    Args:
        occasion: The event that was taken.
        watch: What is remembered; its cases and the jobs of its alarms are changed.
        rollout: Of the route.
        reference: What new questions are compared with; None if the event was no question.
        references: Those of before.
    """

    occasion: Occasion
    watch: Watch
    rollout: RolloutChanged
    reference: Reference | None
    references: References

    async def asked(self, case: Case) -> list[Event]:
        """Return what is asked for, or said to wait."""
        policy, events = self.occasion.policy.drift, self.occasion.row.events
        steps = ladder(case.cause, policy)
        step = next((one for one in steps if one not in case.tried), "")
        if case.remedy and case.remedy != step:
            # Consent to it is none to what is done instead.
            gone = await reviewing.lapsed(self.occasion, self.watch, [case])
            return [*gone, *await self.asked(case.without())]
        self._keep(case)
        if not steps:
            return [] if case.tried else [self._ask(case, NOTHING, "the policy has no remedy")]
        if case.at_event is not None and events - case.at_event < policy.remedy_events:
            return self._waits(f"{case.cause}: {case.tried[-1]} was asked for")
        if case.at_event is not None and not self._goes_on(case):
            return self._waits(f"{case.cause}: {case.tried[-1]} was asked for; calm since")
        if not step:
            return self._waits(f"{case.cause}: each remedy of the policy was asked for")
        if step not in (RETRAIN, REACTIVATE):
            return self._at_once(case, step)
        auc = await comparing.with_reference(self.occasion, self.watch.counting, self.reference)
        decision = deciding.confirmed(self.watch.counting, auc, policy)
        if decision.confirmed and self.watch.crowded(policy):
            return self._waits(f"{decision.reason}; of one person? That needs more questions")
        if step == RETRAIN:
            return await self._retrain(case, decision, auc)
        return await self._reactivate(case, decision, auc)

    def _goes_on(self, case: Case) -> bool:
        """Tell whether there is new evidence since a remedy has had its time."""
        mine = [self.watch.panel.signals[alarm.detector] for alarm in self._of(case)]
        if case.looked:
            return any(signal.again for signal in mine)
        for signal in mine:
            signal.restart()
        self._keep(replace(case, looked=True))
        return False

    def _of(self, case: Case) -> list[Raised]:
        """Return the alarms that count for a case: how answers are made tells of nothing else."""
        return [
            alarm
            for alarm in self.watch.counting
            if alarm.family != OPERATIONS or case.cause == OPERATIONS
        ]

    def _at_once(self, case: Case, remedy: str) -> list[Event]:
        """Ask for what costs so little that one alarm is enough."""
        reason = f"{deciding.named(self.watch.counting)} has moved"
        held = "paused" if self.occasion.policy.drift.paused else self._review(case, remedy)
        if held:
            return self._held(case, remedy, reason, held)
        return [self._ask(case, remedy, reason)]

    def _review(self, case: Case, remedy: str) -> str:
        wanted = remedy in self.occasion.policy.drift.approval and not case.approved_by
        return deciding.APPROVAL if wanted else ""

    async def _retrain(self, case: Case, decision: Decision, auc: Auc | None) -> list[Event]:
        occasion, training = self.occasion, self.occasion.policy.training
        if not decision.confirmed:
            return self._unconfirmed(decision, auc)
        held, learned = await self._hindrance(case)
        held = held or ("" if learned else self._review(case, RETRAIN))
        if held or learned:
            return self._held(case, RETRAIN, decision.reason, held)
        job = occasion.id("job")
        # The last: an example too few is waited for, one from before would be taught as new.
        since = max(utc(alarm.onset) for alarm in self._of(case))
        remedy = self._ask(case, RETRAIN, decision.reason, auc, job_id=job, since=since)
        self.watch.alarms = [
            alarm if alarm.attacked else replace(alarm, job=job) for alarm in self.watch.alarms
        ]
        appended = occasion.cause.appended  # the clock of its deadline, and of datasets
        return [
            remedy,
            RetrainingRequested(
                job_id=job,
                route=occasion.row.route,
                drift_ids=remedy.drift_ids,
                reason=decision.reason,
                base=self.rollout.base,
                training=training,
                since=since,
                data_deadline=appended + timedelta(seconds=training.data_deadline_s),
                positions=positions(self.watch),
                decided_at=appended,
            ),
        ]

    async def _reactivate(self, case: Case, decision: Decision, auc: Auc | None) -> list[Event]:
        if case.cause == INPUT:
            if not decision.confirmed:
                return self._unconfirmed(decision, auc)
            older = await comparing.with_older(self.occasion, self._of(case), self.references)
            if older.wait:
                return self._waits(f"{decision.reason}; of a world of before? That needs more")
            era = older.era
            reason = f"{decision.reason}; not so from those of a world of before: {older.said}"
        else:
            taught = [alarm for alarm in self.watch.counting if alarm.family in deciding.TEACHING]
            era = None  # where nothing has moved that an adapter can be the reason of
            if taught:
                first = min(taught, key=lambda alarm: alarm.began)
                era = await eras.before_this(self.occasion, first)
            reason = f"{decision.reason}; it began with the adapter that is in production"
        if era is None:  # there is none that would help
            return await self.asked(replace(case, tried=(*case.tried, REACTIVATE)))
        held, learned = await self._hindrance(case)
        if learned:
            return self._held(case, REACTIVATE, reason, "")
        if self.rollout.stage != "steady":
            held = held or "another rollout is under way"
        back = {"adapter_digest": era.adapter, "reference_id": era.reference_id}
        held = held or self._review(case, REACTIVATE)
        if held:
            return self._held(case, REACTIVATE, reason, held, **back)
        return [self._ask(case, REACTIVATE, reason, auc, **back)]

    async def _hindrance(self, case: Case) -> tuple[str, bool]:
        """Return why the adapter may not be changed now, or "", and whether it is being learned."""
        occasion, row, policy = self.occasion, self.occasion.row, self.occasion.policy.drift
        # By the broker's clock: a producer's, an hour ahead, would end a cooldown.
        time = occasion.cause.appended
        since = time - deciding.DAY
        asked = await store.requests(occasion.session, row.tenant, row.route, since)
        over = {row.candidate, row.promoted}
        steady = self.rollout.stage == "steady"
        under_way = deciding.unfinished(asked, time, occasion.candidate(), over, steady=steady)
        if under_way is None:
            self.watch.alarms = [replace(alarm, job=None) for alarm in self.watch.alarms]
        elif under_way.job and all(alarm.job == under_way.job for alarm in self._of(case)):
            return "", True
        if policy.paused:
            return "paused", False
        if self.watch.attacked:
            return "an attack lasts", False
        return deciding.allowed(asked, under_way, time, policy), False

    def _unconfirmed(self, decision: Decision, auc: Auc | None) -> list[Event]:
        if all(alarm.job for alarm in self.watch.counting):
            return self._waits("")
        if auc is not None or not self.occasion.row.waiting:  # else what was said last still holds
            return self._waits(decision.reason)
        return []

    def _keep(self, case: Case) -> None:
        self.watch.cases[case.cause] = case

    def _waits(self, why: str) -> list[Event]:
        self.occasion.row.waiting = why
        return []

    def _held(self, case: Case, remedy: str, reason: str, held: str, **details: Any) -> list[Event]:
        """Say why a remedy waits, unless that was said; nothing holds it: it is being done."""
        said = held == case.held
        self._waits(f"{reason}; {held}" if held else "")
        if not held:
            self._keep(replace(case, held=""))
            return []
        id, proposed = case.remedy_id or self.occasion.id("remedy"), held == deciding.APPROVAL
        asked = case.proposed or proposed
        self._keep(replace(case, held=held, remedy=remedy, remedy_id=id, proposed=asked))
        if said:
            return []
        HELD.labels(remedy).inc()
        state = "proposed" if proposed else "held"
        return [self._event(id, case, remedy, f"{reason}; {held}", state=state, **details)]

    def _ask(
        self, case: Case, remedy: str, reason: str, auc: Auc | None = None, **details: Any
    ) -> RemedyRequested:
        ASKED.labels(case.cause, remedy).inc()
        self._waits("")
        repeats = remedy == RETRAIN  # as often as it may, while the world stays moved
        self._keep(
            Case(
                case.cause,
                tried=case.tried if repeats else (*case.tried, remedy),
                at_event=None if repeats else self.occasion.row.events,
            )
        )
        test = comparing.told(auc, self.occasion.policy.drift)
        id = case.remedy_id or self.occasion.id("remedy")
        if case.approved_by:
            details |= {"state": "approved", "by": case.approved_by}
        return self._event(id, case, remedy, reason, test=test, **details)

    def _event(
        self, id: UUID, case: Case, remedy: str, reason: str, **details: Any
    ) -> RemedyRequested:
        counting = self.watch.counting
        fields: dict[str, Any] = {
            "since": min(utc(alarm.onset) for alarm in counting),
            "drift_ids": tuple(UUID(alarm.drift_id) for alarm in counting),
        }
        return RemedyRequested(
            remedy_id=id,
            route=self.occasion.row.route,
            cause=case.cause,
            remedy=remedy,
            reason=reason,
            collection=self.rollout.collection,
            positions=positions(self.watch),
            decided_at=self.occasion.cause.appended,
            **fields | details,
        )


async def asked(
    occasion: Occasion, watch: Watch, reference: Reference | None, references: References
) -> list[Event]:
    """Return what is to be done about the alarms that count, or is said to wait."""
    cause = cause_of(watch.counting)
    if not cause:
        cases, watch.cases = watch.cases, {}
        occasion.row.waiting = ""
        return await reviewing.lapsed(occasion, watch, cases.values())
    if occasion.rollout is None:
        occasion.row.waiting = f"{cause}; the registry has said nothing of this route"
        return []
    case = watch.cases.get(cause, Case(cause))
    remedies = Remedies(occasion, watch, occasion.rollout, reference, references)
    return await _with_examples(occasion, await remedies.asked(case))


async def security(occasion: Occasion, watch: Watch, attack: Attack, reason: str) -> list[Event]:
    """Return that somebody makes the world look moved: a person has to look, nothing is learned."""
    if occasion.rollout is None:
        return []
    ASKED.labels(ATTACK, SECURITY).inc()
    first = watch.panel.window.since
    event = RemedyRequested(
        remedy_id=occasion.id("security"),
        route=occasion.row.route,
        cause=ATTACK,
        remedy=SECURITY,
        reason=reason,
        person=attack.person or None,
        drift_ids=tuple(UUID(alarm.drift_id) for alarm in watch.alarms if alarm.attacked),
        collection=occasion.rollout.collection,
        since=first,
        positions=positions(watch),
        decided_at=occasion.cause.appended,
    )
    return await _with_examples(occasion, [event])


async def _with_examples(occasion: Occasion, events: list[Event]) -> list[Event]:
    found: list[Event] = []
    for event in events:
        if isinstance(event, RemedyRequested):
            since = utc(event.since)
            texts, _ = await store.newest(occasion.session, occasion.row, since, EXAMPLES)
            event = event.model_copy(update={"examples": cut(texts)})
        found.append(event)
    return found


async def reactivated(occasion: Occasion, adapter: str | None) -> UUID | None:
    """Return the older world for which an adapter was asked to be used again, if it was.

    What was asked for before the newest era has had its change of production.
    """
    row = occasion.row
    said = await store.remedies(occasion.session, row.tenant, row.route, REACTIVATE)
    asked = [event for event in said if event.asks_for(REACTIVATE)]
    if not asked or asked[-1].adapter_digest != adapter:
        return None
    found = await eras.eras(occasion)
    if found and asked[-1].decided_at <= utc(found[-1].since):
        return None
    world = asked[-1].reference_id
    return world if world in await eras.worlds(occasion) else None

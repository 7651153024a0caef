"""Does one job: asks candidate, production and base the same questions, and publishes."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from uuid import UUID

from grpc import aio

from gyre_evaluation import store, work
from gyre_evaluation.clients.inference import Answerer
from gyre_evaluation.measuring import (
    Subject,
    below_floors,
    heard_of_all,
    report_of,
    subjects_of,
)
from gyre_evaluation.report import Result
from gyre_evaluation.run import run
from gyre_evaluation.settings import Settings
from gyre_evaluation.suites import MOVED, PRAISED, Item, Suite, shipped
from gyre_evaluation.work import DONE, Evaluation, ItemOutcome
from gyre_events import AdapterEvaluated, RolloutChanged, SuiteReport
from gyre_service.database import Sessions, snapshot, transaction
from gyre_service.errors import NotFound, Rejected, Unavailable
from gyre_service.ids import derived_id, now
from gyre_service.jobs import held
from gyre_service.kafka import enqueue

log = logging.getLogger(__name__)

# Of fewer a single one that is lost is more than the tenth that a policy lets go by default.
LEAST_PRAISED = 10
LEAST_HEARD = 0.9  # of a suite: of fewer items, a bad hour would decide which ones count


@dataclass(frozen=True)
class Evaluator:
    """What every job needs.

    Args:
        settings: Of the service.
        sessions: Of its database.
        inference: Where subjects are asked.
        rollout_of: What a tenant's route wants now.
    """

    settings: Settings
    sessions: Sessions
    inference: aio.Channel
    rollout_of: Callable[[str, str], RolloutChanged | None]

    async def do(self, job: Evaluation) -> None:
        """Measure the adapter of a claimed job and say how it did, or why it was not measured.

        Raises:
            Unavailable: Something is away, a replica does not know the adapter yet, or another
                prompt came meanwhile; what was asked already, with that of now, is not asked again.
            Conflict: Inference is still busy with an attempt that was lost.
            LostLease: Another runner has the job.
        """
        rollout = self._wanted(job)
        begin = time.monotonic()
        reports: list[SuiteReport] = []
        error = ""
        try:
            for suite in await self._suites(job, rollout):
                reports.append(await self._measure(job, rollout, suite))
        except Rejected as reason:  # no attempt can mend it
            reports, error = [], str(reason)
        await self._publish(job, rollout, reports, error, time.monotonic() - begin)

    async def _suites(self, job: Evaluation, rollout: RolloutChanged) -> list[Suite]:
        """Return the suites of its holdout, if a training made the adapter, and what to keep."""
        arm = next(arm for arm in rollout.arms if arm.adapter_digest == job.adapter_digest)
        policy = rollout.policy.release
        suites = []
        if arm.job_id is not None:
            suites += await self._of_training(job, rollout, arm.job_id)
        async with snapshot(self.sessions) as session:
            for name in policy.suites:
                suite = shipped().get(name) or await store.get_suite(session, job.tenant, name)
                if suite is None:
                    raise NotFound(f"the policy wants a suite {name!r}, and there is none")
                suites.append(suite)
        return [one.first(policy.suite_items) for one in suites]

    async def _of_training(
        self, job: Evaluation, rollout: RolloutChanged, training: UUID
    ) -> list[Suite]:
        """Return what people corrected, and what they praised where that is enough."""
        async with snapshot(self.sessions) as session:
            moved = await store.get_suite(session, job.tenant, f"{MOVED}{training}")
            praised = await store.get_suite(session, job.tenant, f"{PRAISED}{training}")
        if moved is not None:
            if praised is None or len(praised.items) < LEAST_PRAISED:
                return [moved]
            return [moved, praised]
        if praised is not None:
            raise Rejected("no answer of the holdout was corrected: nothing can show a gain")
        missing = f"the suite {MOVED}{training} is not there"
        if self._is_over(job, rollout):
            raise NotFound(f"{missing}, and the route wants another rollout")
        # The topics have no order: its dataset is on its way.
        raise Unavailable(f"{missing} yet")

    async def _measure(self, job: Evaluation, rollout: RolloutChanged, suite: Suite) -> SuiteReport:
        subjects = subjects_of(rollout, job.adapter_digest)
        results = {}
        for subject in subjects:
            if subject.adapter not in results:  # production may be the base
                try:
                    results[subject.adapter] = await self._ask(job, rollout, suite, subject)
                except NotFound as reason:
                    if self._is_over(job, rollout):
                        raise
                    # A replica may be behind; the registry's time-out ends the rollout.
                    raise Unavailable(f"not known there yet: {reason}") from reason
        of_all = heard_of_all(results)
        heard = len(of_all)
        if heard < LEAST_HEARD * len(suite.items):
            missing = (
                f"{suite.name}: {heard} of {len(suite.items)} items have an answer of everybody"
            )
            if self._is_over(job, rollout):
                raise Rejected(f"{missing}, and the route wants another rollout")
            raise Unavailable(missing)
        ours, theirs = (
            [result for id, result in results[subject.adapter].items() if id in of_all]
            for subject in subjects[:2]
        )
        if below := below_floors(suite, ours, theirs):
            raise Rejected(f"{suite.name}: {'; '.join(below)}; production reaches it")
        passed = {
            adapter: {id: result.passed for id, result in items.items()}
            for adapter, items in results.items()
        }
        return report_of(suite, subjects, passed)

    def _wanted(self, job: Evaluation) -> RolloutChanged:
        """Return the rollout of a job as the route has it now: its prompt may have changed."""
        rollout = RolloutChanged.model_validate(job.rollout)
        wanted = self.rollout_of(job.tenant, rollout.route)
        if wanted is None or wanted.rollout_id != rollout.rollout_id:
            return rollout
        return max(wanted, rollout, key=lambda each: each.revision)

    def _is_over(self, job: Evaluation, rollout: RolloutChanged) -> bool:
        """Tell whether the route wants something later than the rollout of a job."""
        wanted = self.rollout_of(job.tenant, rollout.route)
        if wanted is None or wanted.revision < rollout.revision:  # our table is behind
            return False
        return wanted.rollout_id != rollout.rollout_id

    async def _ask(
        self, job: Evaluation, rollout: RolloutChanged, suite: Suite, subject: Subject
    ) -> dict[str, Result]:
        """Return how a subject does on the items it answers; each is stored as it comes."""
        prompt = rollout.arms[0].prompt.digest  # every arm's
        # With digests: a suite that was replaced while the job waited has other questions, and
        # what was answered to another prompt is not to be compared.
        version = f"{suite.name}@{suite.digest}/{prompt}"
        async with snapshot(self.sessions) as session:
            known = await work.outcomes_of(
                session, job.tenant, job.job_id, version, subject.adapter
            )
        open_items: Sequence[Item] = [item for item in suite.items if item.id not in known]
        answerer = Answerer(
            self.inference,
            self.settings.service_token.get_secret_value(),
            tenant=job.tenant,
            route=rollout.route,
            adapter=subject.adapter,
            # With the revision: inference keeps what it said under an id, also to another prompt.
            run_id=derived_id(job.job_id, version, subject.adapter, rollout.revision),
            timeout_s=self.settings.item_timeout_s,
            pauses_s=self.settings.retry_pauses_s,
        )
        outcomes = run(open_items, answerer.ask, self.settings.items_in_flight)
        async with aclosing(outcomes) as ended:
            async for outcome in ended:
                if outcome.unheard:  # not stored: whoever does the job again asks again
                    log.warning("%s, item %s: %s", version, outcome.item.id, outcome.error)
                    continue
                if outcome.answer and outcome.answer.prompt not in ("", prompt):
                    raise Unavailable(f"route {rollout.route} has another prompt by now")
                row = ItemOutcome(
                    tenant=job.tenant,
                    job_id=job.job_id,
                    suite=version,
                    adapter=subject.adapter,
                    item_id=outcome.item.id,
                    passed=outcome.result.passed,
                    answer=outcome.answer.text if outcome.answer else "",
                    error=outcome.error,
                    result=asdict(outcome.result),
                )
                async with transaction(self.sessions) as session:
                    await held(session, job)
                    session.add(row)
                known[outcome.item.id] = outcome.result
        return known

    async def _publish(
        self,
        job: Evaluation,
        rollout: RolloutChanged,
        reports: Sequence[SuiteReport],
        error: str,
        seconds: float,
    ) -> None:
        arm = next(arm for arm in rollout.arms if arm.adapter_digest == job.adapter_digest)
        event = AdapterEvaluated(
            evaluation_id=job.job_id,
            route=rollout.route,
            rollout_id=rollout.rollout_id,
            job_id=arm.job_id,
            adapter_digest=job.adapter_digest,
            suites=tuple(reports),
            error=error,
            seconds=seconds,
            decided_at=now(),
        )
        async with transaction(self.sessions) as session:
            row = await held(session, job)
            row.state = DONE
            session.add(row)
            id = derived_id(job.tenant, event.topic, job.job_id)
            enqueue(session, event, job.tenant, self.settings.service, id)
        log.info("adapter %s is evaluated: %s", job.adapter_digest[:12], error or "done")

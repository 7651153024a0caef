"""Does one job: prepares, trains, seals, publishes."""

import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gyre_events import AdapterTrained, DatasetFrozen, RetrainingRequested, TrainingProgressed
from gyre_finetune.child import Failed, training
from gyre_finetune.failing import SERVICE, fail
from gyre_finetune.preparing import folder_of, prepare
from gyre_finetune.settings import Settings
from gyre_finetune.store import DONE, Training
from gyre_finetune.training.job import Step, adapter_of
from gyre_service import adapters
from gyre_service.blobs import Blobs
from gyre_service.database import Sessions, transaction
from gyre_service.errors import Conflict, Rejected, Unavailable
from gyre_service.ids import derived_id, now
from gyre_service.jobs import held
from gyre_service.kafka import enqueue

log = logging.getLogger(__name__)

TELL_S = 1.0  # between two events about a training's progress


@dataclass(frozen=True)
class Runner:
    """What every job needs.

    Args:
        settings: Of the service.
        sessions: Of its database.
        blobs: That datasets lie in.
        prompt_of: The prompt of a tenant's route, as it is served now.
    """

    settings: Settings
    sessions: Sessions
    blobs: Blobs
    prompt_of: Callable[[str, str], str]

    async def do(self, job: Training) -> None:
        """Train the adapter of a claimed job, or say why there is none.

        Raises:
            Unavailable: Something is away, or the training failed and may be tried again.
            LostLease: Another runner has the job.
        """
        folder = folder_of(self.settings, job.tenant, job.job_id)
        try:
            await self._attempt(job, folder)
        except Rejected as error:  # no attempt can mend it
            await self._fail(job, str(error))
        except (Failed, OSError) as error:
            await self._count(job, error)
        shutil.rmtree(folder, ignore_errors=True)

    async def _attempt(self, job: Training, folder: Path) -> None:
        if job.failures >= self.settings.attempts:
            raise Rejected(f"{job.failures} attempts ended in a bug: see the log of the runner")
        request = RetrainingRequested.model_validate(job.request)
        dataset = DatasetFrozen.model_validate(job.dataset)
        prompt = self.prompt_of(job.tenant, request.route)
        counts = await prepare(self.settings, self.blobs, folder, request, dataset, prompt)
        last = await self._train(job, request, folder)
        await self._publish(job, request, dataset, folder, last, counts)

    async def _train(self, job: Training, request: RetrainingRequested, folder: Path) -> Step:
        last, told = None, 0.0
        threads, silence_s = self.settings.threads, self.settings.silence_s
        async with training(folder, job.token, threads, silence_s) as steps:
            async for step in steps:
                last = step
                if not step.final and (time.monotonic() - told > TELL_S or step.step == step.steps):
                    told = time.monotonic()
                    try:
                        await self._tell(job, request.route, step)
                    except (Unavailable, Conflict) as error:  # the training is worth more
                        log.warning("job %s: step %d is not told: %s", job.job_id, step.step, error)
        if last is None or not last.final:
            raise Failed("the training ended before its last step")
        return last

    async def _tell(self, job: Training, route: str, step: Step) -> None:
        event = TrainingProgressed(
            job_id=job.job_id,
            route=route,
            attempt=job.token,
            step=step.step,
            steps=step.steps,
            loss=step.loss,
            learning_rate=step.learning_rate,
            tokens=step.tokens,
            elapsed_s=step.elapsed_s,
        )
        id = derived_id(job.tenant, event.topic, job.job_id, job.token, step.step)
        async with transaction(self.sessions) as session:
            await held(session, job)
            enqueue(session, event, job.tenant, SERVICE, id)

    async def _publish(
        self,
        job: Training,
        request: RetrainingRequested,
        dataset: DatasetFrozen,
        folder: Path,
        last: Step,
        counts: tuple[int, int],
    ) -> None:
        about = {
            "job_id": str(job.job_id),
            "route": request.route,
            "train": dataset.train.digest,
            "replay": dataset.replay.digest,
            "seed": request.training.seed,
            "steps": last.step,
            "loss": last.loss,
        }
        async with transaction(self.sessions) as session:
            await held(session, job)  # or it is another one's to store
        adapter = adapter_of(folder, job.token)
        digest = adapters.seal(adapter, self.settings.model_digest, about)
        adapters.verify(adapter, digest, self.settings.model_digest)
        uri = await adapters.store(adapter, self.settings.adapter_url)
        event = AdapterTrained(
            job_id=job.job_id,
            route=request.route,
            base=request.base,
            adapter_digest=digest,
            adapter_uri=uri,
            train=dataset.train.digest,
            replay=dataset.replay.digest,
            examples=counts[0],
            replayed=counts[1],
            steps=last.step,
            loss=last.loss,
            seconds=last.elapsed_s,
            seed=request.training.seed,
            decided_at=now(),
        )
        async with transaction(self.sessions) as session:
            row = await held(session, job)
            row.state, row.outcome = DONE, digest
            session.add(row)
            id = derived_id(job.tenant, event.topic, job.job_id)
            enqueue(session, event, job.tenant, SERVICE, id)
        if last.step < last.steps:
            log.warning(
                "job %s: its time was over after %d of %d steps: max_seconds is %g",
                *(job.job_id, last.step, last.steps, request.training.max_seconds),
            )
        log.info("job %s: adapter %s after %.0f s", job.job_id, digest[:12], last.elapsed_s)

    async def _count(self, job: Training, error: Exception) -> None:
        """Count an attempt that failed; the last one ends the job.

        Raises:
            Unavailable: It was not the last.
        """
        async with transaction(self.sessions) as session:
            row = await held(session, job)
            row.failures += 1
            session.add(row)
            if row.failures >= self.settings.attempts:
                log.error("job %s failed: %s", job.job_id, error)
                fail(session, row, f"{row.failures} attempts: {error}")
                return
        raise Unavailable(f"attempt {row.failures}: {error}") from error

    async def _fail(self, job: Training, reason: str) -> None:
        log.error("job %s failed: %s", job.job_id, reason)
        async with transaction(self.sessions) as session:
            fail(session, await held(session, job), reason)

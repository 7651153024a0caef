"""Asks a candidate what people asked production, unseen, with the passages that production saw."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from grpc import aio

from gyre_evaluation.clients.asking import complete
from gyre_evaluation.run import NoAnswer
from gyre_evaluation.sampling import is_sampled
from gyre_evaluation.settings import Settings
from gyre_evaluation.work import DONE, Shadow
from gyre_events import AnswerGenerated, Purpose, RolloutChanged
from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_service.database import Sessions, transaction
from gyre_service.errors import Rejected
from gyre_service.jobs import held
from gyre_service.rpc import calling_for

log = logging.getLogger(__name__)

ATTEMPTS = 3  # of one question: each may last as long as an item


def candidate_for(answer: AnswerGenerated, rollout: RolloutChanged | None) -> str | None:
    """Return the digest of the candidate that is asked too, or None.

    Only what people were shown by production counts, while a canary lasts, and of that the
    policy's share, by a hash of the answer's id. A question that did not stand
    alone would be another one, and the candidate blamed for what it was not told.
    """
    if answer.purpose is not Purpose.LIVE or answer.arm != "production" or rollout is None:
        return None
    if rollout.stage != "canary" or not answer.passages or not _stood_alone(answer):
        return None
    if not is_sampled(answer.answer_id, rollout.policy.release.shadow):
        return None
    return next((arm.adapter_digest for arm in rollout.arms if arm.name == "candidate"), None)


def _stood_alone(answer: AnswerGenerated) -> bool:
    # What is older does not say it, but a seed or alternatives are a caller's own wish.
    plain = answer.seed is None and answer.choices == 1
    return plain if answer.alone is None else answer.alone


def request_of(answer: AnswerGenerated, digest: str) -> pb.GenerateRequest:
    """Return the live question, with its evidence, for an adapter."""
    return pb.GenerateRequest(
        route=answer.route,
        messages=[pb.Message(role="user", content=answer.question)],
        retrieval=pb.RETRIEVAL_GIVEN,
        evidence=[
            pb.Passage(
                chunk_id=str(passage.chunk_id),
                document_id=str(passage.document_id),
                version=passage.version,
                document=passage.document,
                page=passage.page or 0,
                text=passage.text,
                score=passage.score,
            )
            for passage in answer.passages
        ],
        adapter=digest,
        conversation_id=str(answer.conversation_id),
    )


@dataclass(frozen=True)
class Shadower:
    """What every shadow needs.

    Args:
        settings: Of the service.
        sessions: Of its database.
        inference: Where the candidate is asked.
        rollout_of: What a tenant's route wants now.
    """

    settings: Settings
    sessions: Sessions
    inference: aio.Channel
    rollout_of: Callable[[str, str], RolloutChanged | None]

    async def do(self, job: Shadow) -> None:
        """Ask the candidate of a claimed job, unless its rollout is over.

        Its answer comes back as `answer-generated` of the purpose `shadow`, and is scored then.

        Raises:
            Unavailable: Inference is away, or gave no answer for the first times.
            LostLease: Another runner has the job.
        """
        answer = AnswerGenerated.model_validate(job.answer)
        rollout = self.rollout_of(job.tenant, answer.route)
        if rollout is not None and rollout.rollout_id == job.rollout_id:
            token = self.settings.service_token.get_secret_value()
            metadata = calling_for(
                job.tenant,
                Purpose.SHADOW,
                authorization=f"Bearer {token}" if token else None,
                gyre_request_id=str(job.job_id),
            )
            request = request_of(answer, job.adapter_digest)
            try:
                await complete(self.inference, request, metadata, self.settings.item_timeout_s)
            except Rejected as error:  # as when the rollout has just ended
                log.warning("shadow %s: %s", job.job_id, error)
            except NoAnswer as error:
                if job.token < ATTEMPTS:
                    raise
                log.warning("shadow %s is given up: %s", job.job_id, error)
        async with transaction(self.sessions) as session:
            row = await held(session, job)
            row.state = DONE
            row.answer = {}  # whose words they were is not ours to keep
            session.add(row)

"""An answer as the RPC says it, and as the event does."""

from collections.abc import Sequence

from gyre_events import AnswerGenerated, Passage
from gyre_inference.answering import Finished, Question, Started
from gyre_rpc.inference.v1 import inference_pb2 as pb


def started_message(question: Question, part: Started) -> pb.Started:
    return pb.Started(
        answer_id=str(question.answer_id),
        conversation_id=str(question.conversation_id),
        model=question.model,
        route=question.rollout.route,
        arm=question.arm.name,
        adapter=question.adapter.digest if question.adapter else "",
        prompt=question.arm.prompt.digest,
        passages=[_passage_message(passage) for passage in part.passages],
    )


def _passage_message(passage: Passage) -> pb.Passage:
    return pb.Passage(
        chunk_id=str(passage.chunk_id),
        document_id=str(passage.document_id),
        version=passage.version,
        document=passage.document,
        page=passage.page or 0,
        text=passage.text,
        score=passage.score,
    )


def finished_message(part: Finished) -> pb.Finished:
    return pb.Finished(
        finish_reason=part.finish_reason,
        usage=pb.Usage(
            prompt_tokens=part.prompt_tokens,
            completion_tokens=part.completion_tokens,
            cached_tokens=part.cached_tokens,
        ),
        refused=part.refused,
        cited=part.cited,
        engine_s=part.engine_s,
        time_to_first_token_s=part.time_to_first_token_s or 0,
        answer=part.answer,
        cost=pb.Cost(
            amount=format(part.cost.amount, "f"),
            currency=part.cost.currency,
            prices=part.cost.prices,
        ),
        time_per_output_token_s=part.time_per_output_token_s,
    )


def event_of(question: Question, passages: Sequence[Passage], part: Finished) -> AnswerGenerated:
    """Return the event that says it all: nobody has to ask anybody what was answered."""
    rollout = question.rollout
    return AnswerGenerated(
        answer_id=question.answer_id,
        conversation_id=question.conversation_id,
        person=question.person,
        route=rollout.route,
        purpose=question.purpose,
        arm=question.arm.name,
        rollout_id=rollout.rollout_id,
        revision=rollout.revision,
        model=question.model,
        refused=part.refused,
        prompt_tokens=part.prompt_tokens,
        cached_tokens=part.cached_tokens,
        completion_tokens=part.completion_tokens,
        latency_s=part.latency_s,
        cost_usd=part.cost.usd,
        cost=part.cost.amount,
        currency=part.cost.currency,
        price_version=part.cost.prices,
        collection=rollout.collection,
        base_digest=rollout.base.digest,
        adapter_digest=question.adapter.digest if question.adapter else None,
        prompt_digest=question.arm.prompt.digest,
        question=question.text,
        answer=part.answer,
        passages=tuple(passages),
        cited=part.cited,
        finish_reason=part.finish_reason,
        broken_off=part.broken_off,
        time_to_first_token_s=part.time_to_first_token_s,
        time_per_output_token_s=part.time_per_output_token_s,
        engine_s=part.engine_s,
        seed=question.sampling.seed,
    )

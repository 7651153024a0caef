"""An answer as the RPC says it, and as the event does."""

from collections.abc import Sequence

from gyre_events import AnswerGenerated, Passage
from gyre_inference.alternatives import Delta
from gyre_inference.answering import Finished, Question, Started
from gyre_inference.generation import TokenLogprob
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


def delta_message(part: Delta) -> pb.GenerateResponse:
    return pb.GenerateResponse(
        delta=part.text,
        choice=part.choice,
        logprobs=_logprob_messages(part.logprobs),
        refused=part.refused,
    )


def _logprob_messages(logprobs: Sequence[TokenLogprob]) -> list[pb.TokenLogprob]:
    return [
        pb.TokenLogprob(token=one.token, logprob=one.logprob, top=_logprob_messages(one.top))
        for one in logprobs
    ]


def finished_message(part: Finished) -> pb.Finished:
    return pb.Finished(
        finish_reason=part.finish_reason,
        usage=pb.Usage(
            prompt_tokens=part.prompt_tokens,
            completion_tokens=part.completion_tokens,
            cached_tokens=part.cached_tokens,
        ),
        refused=part.refused,
        no_context=part.no_context,
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
        choices=[
            pb.Choice(
                answer=choice.answer,
                finish_reason=choice.finish_reason,
                refused=choice.refused,
                logprobs=_logprob_messages(choice.logprobs),
            )
            for choice in part.choices
        ],
    )


def repeated(stored: pb.CompleteResponse) -> list[pb.GenerateResponse]:
    """Return an answer that is given again as a stream, each alternative in one part."""
    finished = stored.finished
    choices = finished.choices or [pb.Choice(answer=finished.answer, refused=finished.refused)]
    return [
        pb.GenerateResponse(started=stored.started),
        *(
            pb.GenerateResponse(
                delta=choice.answer,
                choice=number,
                logprobs=choice.logprobs,
                refused=choice.refused,
            )
            for number, choice in enumerate(choices)
        ),
        pb.GenerateResponse(finished=finished),
    ]


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
        no_context=part.no_context,
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
        choices=len(part.choices),
        alone=question.alone,
        plain=question.plain,
    )

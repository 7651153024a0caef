"""RPC in: who asks, what, of which route; then answer, keep and publish."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import TypeAlias
from uuid import UUID

from grpc.aio import ServicerContext

from gyre_events import AnswerGenerated, Purpose
from gyre_inference import requests, routes
from gyre_inference.access import Access, Caller
from gyre_inference.answering import Answerer, Finished, Mode, Question, Started
from gyre_inference.messages import (
    delta_message,
    event_of,
    finished_message,
    repeated,
    started_message,
)
from gyre_inference.metering import Meter
from gyre_inference.repeats import Answers
from gyre_inference.settings import Settings
from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_rpc.inference.v1.inference_pb2_grpc import InferenceServiceServicer
from gyre_service.errors import Forbidden, Overloaded, Rejected, ServiceError, Unavailable
from gyre_service.ids import derived_id, new_id
from gyre_service.rpc import (
    AUTHORIZATION,
    CONVERSATION_ID,
    PURPOSE,
    REQUEST_ID,
    TENANT,
    Context,
    metadata_of,
)

MODES = {
    pb.RETRIEVAL_UNSPECIFIED: Mode.SEARCH,
    pb.RETRIEVAL_ON: Mode.SEARCH,
    pb.RETRIEVAL_OFF: Mode.OFF,
    pb.RETRIEVAL_GIVEN: Mode.GIVEN,
}
MAX_REQUEST_ID = 200

Parts: TypeAlias = AsyncGenerator[pb.GenerateResponse]


class Servicer(InferenceServiceServicer):
    """Answers over gRPC.

    Args:
        settings: Of the service.
        access: Knows who may ask.
        rollouts: What every route serves.
        answerer: Answers.
        answers: Keeps and publishes what was answered.
        adapters: Knows which of them can answer here.
    """

    def __init__(
        self,
        settings: Settings,
        access: Access,
        rollouts: routes.Rollouts,
        answerer: Answerer,
        answers: Answers,
        adapters: routes.Adapters,
    ) -> None:
        self._settings = settings
        self._access = access
        self._rollouts = rollouts
        self._answerer = answerer
        self._answers = answers
        self._adapters = adapters

    async def Generate(
        self,
        request: pb.GenerateRequest,
        context: ServicerContext[pb.GenerateRequest, pb.GenerateResponse],
    ) -> Parts:
        async with aclosing(self._parts(request, context)) as parts:
            async for part in parts:
                yield part

    async def Complete(
        self,
        request: pb.CompleteRequest,
        context: ServicerContext[pb.CompleteRequest, pb.CompleteResponse],
    ) -> pb.CompleteResponse:
        response = pb.CompleteResponse()
        async with aclosing(self._parts(request.request, context)) as parts:
            async for part in parts:
                if part.HasField("started"):
                    response.started.CopyFrom(part.started)
                elif part.HasField("finished"):
                    response.finished.CopyFrom(part.finished)
        return response

    async def _parts(self, request: pb.GenerateRequest, context: Context) -> Parts:
        caller = self._access.caller(
            metadata_of(context, AUTHORIZATION),
            metadata_of(context, TENANT),
            metadata_of(context, PURPOSE),
        )
        request_id = metadata_of(context, REQUEST_ID)
        if request_id is not None and not 0 < len(request_id) <= MAX_REQUEST_ID:
            raise Rejected(f"gyre-request-id must have 1 to {MAX_REQUEST_ID} characters")
        answer_id = derived_id(caller.tenant, request_id) if request_id else new_id()
        question = self._question(request, context, caller, answer_id)
        # From here on, search included: the adapter was chosen, and has to be there at the end.
        with self._adapters.hold(question.adapter):
            async with aclosing(self._once(request, context, question, request_id)) as parts:
                async for part in parts:
                    yield part

    async def _once(
        self,
        request: pb.GenerateRequest,
        context: Context,
        question: Question,
        request_id: str | None,
    ) -> Parts:
        """Answer, or give what was answered under the same request id."""
        tenant, answer_id = question.tenant, question.answer_id
        self._answers.check_spool()
        # Before there is a claim: while a model loads, the database may be slow to let it go.
        self._answerer.check()
        if request_id:
            body = requests.body_of(request) + question.conversation_id.bytes
            stored = await self._answers.claim(tenant, answer_id, body)
            if stored is not None:
                for part in repeated(pb.CompleteResponse.FromString(stored)):
                    yield part
                return
        meter = Meter()
        try:
            async with (
                _time_limit(context, self._settings.answer_timeout_s),
                aclosing(self._answered(question, meter, keep=bool(request_id))) as parts,
            ):
                async for part in parts:
                    yield part
        except BaseException as error:  # a cancel too: the next attempt answers anew
            await self._broke_off(question, meter, error, claimed=bool(request_id))
            raise

    async def _answered(self, question: Question, meter: Meter, *, keep: bool) -> Parts:
        started = pb.Started()
        async with aclosing(self._answerer.answer(question, meter)) as parts:
            async for part in parts:
                if isinstance(part, Started):
                    started = started_message(question, part)
                    yield pb.GenerateResponse(started=started)
                elif isinstance(part, Finished):
                    finished = finished_message(part)
                    await self._publish(question, meter, part, started, finished, keep=keep)
                    yield pb.GenerateResponse(finished=finished)
                else:
                    yield delta_message(part)

    async def _publish(
        self,
        question: Question,
        meter: Meter,
        part: Finished,
        started: pb.Started,
        finished: pb.Finished,
        *,
        keep: bool,
    ) -> None:
        event: AnswerGenerated = event_of(question, meter.passages, part)
        response = pb.CompleteResponse(started=started, finished=finished)
        body = response.SerializeToString()
        meter.published = True  # whoever cancels from here on
        try:
            await self._answers.finish(question.tenant, event, body, keep=keep)
        except ServiceError:
            meter.published = False
            raise

    async def _broke_off(
        self, question: Question, meter: Meter, error: BaseException, *, claimed: bool
    ) -> None:
        """Publish what was made of an answer: the engine's work is counted however it ends."""
        if meter.published:
            return
        event: AnswerGenerated | None = None
        refused = isinstance(error, Rejected | Overloaded) and meter.first_s is None
        if meter.prompt_tokens and not refused:  # the engine had work
            reason = "failed" if isinstance(error, Exception) else "cancelled"
            part = self._answerer.broken_off(question, meter, reason)
            event = event_of(question, meter.passages, part)
        if claimed or event is not None:
            await self._answers.give_up(question.tenant, question.answer_id, event)

    def _question(
        self, request: pb.GenerateRequest, context: Context, caller: Caller, answer_id: UUID
    ) -> Question:
        turns = requests.turns_of(request)
        conversation = requests.conversation_of(
            request, metadata_of(context, CONVERSATION_ID), caller.tenant, caller.name
        )
        rollout = routes.find_route(self._rollouts, caller.tenant, request.route)
        routes.check_base(rollout, self._settings.model_name, self._settings.model_digest)
        if request.adapter:
            if not caller.may_pin:
                raise Forbidden("this API key may not choose the adapter: it lacks `operate`")
            arm = routes.pinned_arm(rollout, request.adapter)
            if not self._adapters.has(arm.adapter_digest):
                raise Unavailable(f"the adapter of arm {arm.name} is not loaded (yet)")
        else:
            picked = routes.pick_arm(rollout, conversation)
            arm = routes.served_arm(rollout, picked, self._adapters)
        adapter = routes.adapter_of(rollout, arm)
        # Who chooses what answers is comparing: that is no traffic to learn from.
        chosen = bool(request.adapter) and caller.purpose is Purpose.LIVE
        if request.retrieval not in MODES:
            raise Rejected(f"retrieval is {request.retrieval}, expected 0..3", param="retrieval")
        limit = self._answerer.max_model_len
        sampling = requests.sampling_of(request.sampling, rollout.policy, limit)
        usual = requests.sampling_of(pb.Sampling(), rollout.policy, limit)
        # A seed only repeats a chance, and log-probabilities only tell of it.
        own = replace(sampling, seed=None, top_logprobs=None)
        return Question(
            answer_id=answer_id,
            conversation_id=conversation,
            tenant=caller.tenant,
            purpose=Purpose.PROBE if chosen else caller.purpose,
            person=requests.person_of(request),
            rollout=rollout,
            arm=arm,
            adapter=adapter and self._adapters.local(adapter),
            turns=turns,
            sampling=sampling,
            mode=MODES[request.retrieval],
            evidence=requests.evidence_of(request),
            alone=len(turns) == 1 and own == usual,
        )


@asynccontextmanager
async def _time_limit(context: Context, most_s: float) -> AsyncIterator[None]:
    """End the work inside when our deadline has passed, or the caller's."""
    left_s = context.time_remaining()
    # At the caller's own, gRPC cancels us; the second more keeps its status from being ours.
    seconds = most_s if left_s is None else min(left_s + 1, most_s)
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise Unavailable(f"no answer in {seconds:.0f} s: ask for less, or later") from error

"""The other services, as small as a test needs them, behind real gRPC."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from struct import pack
from typing import Any

from gyre_rpc.drift.v1 import drift_pb2, drift_pb2_grpc
from gyre_rpc.evaluation.v1 import evaluation_pb2, evaluation_pb2_grpc
from gyre_rpc.inference.v1 import inference_pb2, inference_pb2_grpc
from gyre_rpc.registry.v1 import registry_pb2, registry_pb2_grpc
from gyre_rpc.retrieval.v1 import retrieval_pb2, retrieval_pb2_grpc
from gyre_service.errors import NotFound, ServiceError
from gyre_service.rpc import purpose_of, tenant_of

ANSWER_ID = "0198a1b2-0000-7000-8000-000000000001"
CONVERSATION_ID = "0198a1b2-0000-7000-8000-000000000002"
PASSAGE = inference_pb2.Passage(
    chunk_id="0198a1b2-0000-7000-8000-000000000003",
    document_id="0198a1b2-0000-7000-8000-000000000004",
    version=1,
    document="keys.md",
    page=3,
    text="The key is under the mat.",
    score=0.5,
)
ROLLOUT = registry_pb2.Rollout(
    rollout_id="00000000-0000-0000-0000-000000000008",
    route="default",
    stage="canary",
    share=1000,
    adapter_digest="b" * 64,
    reason="no harm is shown",
    began_at="2026-01-01T00:00:00+00:00",
    changed_at="2026-01-01T00:01:00+00:00",
    evidence=[
        registry_pb2.Evidence(arm="candidate", source="live", answers=12, bad=1, low=0.01, high=0.3)
    ],
    history=[
        registry_pb2.Step(
            at="2026-01-01T00:00:00+00:00", stage="candidate", reason="trained", by="policy"
        )
    ],
    gate_json='{"suites": []}',
)
WORDS = ["The key", " is under", " the mat [1]."]


class FakeInference(inference_pb2_grpc.InferenceServiceServicer):
    """Answers one thing; what it is asked and when it is left is kept."""

    def __init__(self) -> None:
        self.asked: list[inference_pb2.GenerateRequest] = []
        self.metadata: dict[str, str] = {}
        self.error: ServiceError | None = None
        self.error_after = 0  # parts
        self.refuses = False
        self.hangs = False
        self.knows_choices = True  # else it is older than they are
        self.started = asyncio.Event()
        self.arrivals: asyncio.Queue[None] = asyncio.Queue()
        self.cancelled = asyncio.Event()

    async def Generate(
        self, request: inference_pb2.GenerateRequest, context: Any
    ) -> AsyncIterator[inference_pb2.GenerateResponse]:
        self._note(request, context)
        parts = [
            inference_pb2.GenerateResponse(started=self._started(request)),
            *(
                inference_pb2.GenerateResponse(
                    delta=word,
                    choice=number,
                    refused=self.refuses,
                    logprobs=_logprobs(request, [word]),
                )
                for number in range(request.sampling.n or 1)
                for word in WORDS
            ),
            inference_pb2.GenerateResponse(finished=self._finished(request)),
        ]
        for number, part in enumerate(parts):
            if self.error is not None and number == self.error_after:
                raise self.error
            if number == 2:
                await self._maybe_hang()
            yield part

    async def Complete(
        self, request: inference_pb2.CompleteRequest, context: Any
    ) -> inference_pb2.CompleteResponse:
        self._note(request.request, context)
        if self.error is not None:
            raise self.error
        await self._maybe_hang()
        return inference_pb2.CompleteResponse(
            started=self._started(request.request), finished=self._finished(request.request)
        )

    def _note(self, request: inference_pb2.GenerateRequest, context: Any) -> None:
        self.asked.append(request)
        self.arrivals.put_nowait(None)
        self.metadata = dict(context.invocation_metadata())
        if request.route not in ("default", "support"):
            raise NotFound(f"no route {request.route!r}")

    async def _maybe_hang(self) -> None:
        self.started.set()
        if self.hangs:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise

    def _started(self, request: inference_pb2.GenerateRequest) -> inference_pb2.Started:
        on = request.retrieval != inference_pb2.RETRIEVAL_OFF and not self.refuses
        return inference_pb2.Started(
            answer_id=ANSWER_ID,
            conversation_id=request.conversation_id or CONVERSATION_ID,
            model="gyre/default",
            route=request.route,
            arm="production",
            adapter="",
            prompt="2" * 64,
            passages=[PASSAGE] if on else [],
        )

    def _finished(self, request: inference_pb2.GenerateRequest) -> inference_pb2.Finished:
        choice = inference_pb2.Choice(
            answer="".join(WORDS),
            finish_reason="stop",
            refused=self.refuses,
            logprobs=_logprobs(request, WORDS),
        )
        return inference_pb2.Finished(
            finish_reason="stop",
            usage=inference_pb2.Usage(prompt_tokens=20, completion_tokens=7, cached_tokens=4),
            refused=self.refuses,
            cited=[1],
            engine_s=0.25,
            time_to_first_token_s=0.1,
            answer="".join(WORDS),
            cost=inference_pb2.Cost(amount="0.0000042", currency="USD", prices="v1"),
            choices=[choice] * (request.sampling.n or 1) if self.knows_choices else [],
        )


def _logprobs(
    request: inference_pb2.GenerateRequest, words: list[str]
) -> list[inference_pb2.TokenLogprob]:
    """Return what is asked for; every word is a token, and half a letter its only rival."""
    if not request.sampling.HasField("top_logprobs"):
        return []
    rival = inference_pb2.TokenLogprob(token=b"\xc3", logprob=-2)
    return [
        inference_pb2.TokenLogprob(
            token=word.encode(), logprob=-0.5, top=[rival] * request.sampling.top_logprobs
        )
        for word in words
    ]


class FakeRetrieval(retrieval_pb2_grpc.RetrievalServiceServicer):
    """Encodes a text as its length and one half."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.tenant = ""
        self.observed: list[list[retrieval_pb2.Observation]] = []
        self.purposes: list[str] = []

    async def Search(self, request: Any, context: Any) -> retrieval_pb2.SearchResponse:
        return retrieval_pb2.SearchResponse()

    async def Embed(
        self, request: retrieval_pb2.EmbedRequest, context: Any
    ) -> retrieval_pb2.EmbedResponse:
        self.tenant = tenant_of(context)
        if request.observations:
            self.observed.append(list(request.observations))
            self.purposes.append(purpose_of(context))
            return retrieval_pb2.EmbedResponse()
        self.batches.append(len(request.texts))
        return retrieval_pb2.EmbedResponse(
            encoder="fake",
            encoder_digest="3" * 64,
            dimension=2,
            vectors=b"".join(pack("<2f", len(text), 0.5) for text in request.texts),
            tokens=[len(text.split()) for text in request.texts],
        )


class FakeRegistry(registry_pb2_grpc.RegistryServiceServicer):
    """Keeps routes by tenant."""

    def __init__(self) -> None:
        self.routes: dict[tuple[str, str], registry_pb2.Route] = {}
        self.decided: list[registry_pb2.PromoteRequest | registry_pb2.RollbackRequest] = []
        self.imported: list[registry_pb2.ImportAdapterRequest] = []
        self.rollouts = [ROLLOUT]

    async def ListRoutes(self, request: Any, context: Any) -> registry_pb2.ListRoutesResponse:
        tenant = tenant_of(context)
        found = [route for (owner, _), route in sorted(self.routes.items()) if owner == tenant]
        return registry_pb2.ListRoutesResponse(routes=found)

    async def PutRoute(
        self, request: registry_pb2.PutRouteRequest, context: Any
    ) -> registry_pb2.PutRouteResponse:
        route = registry_pb2.Route(
            name=request.name,
            revision=1,
            collection=request.collection or "default",
            prompt=request.prompt,
            policy_json=request.policy_json,
        )
        self.routes[tenant_of(context), request.name] = route
        return registry_pb2.PutRouteResponse(route=route)

    async def ListRollouts(self, request: Any, context: Any) -> registry_pb2.ListRolloutsResponse:
        mine = tenant_of(context) == "default"
        return registry_pb2.ListRolloutsResponse(rollouts=self.rollouts if mine else [])

    async def Promote(
        self, request: registry_pb2.PromoteRequest, context: Any
    ) -> registry_pb2.PromoteResponse:
        return registry_pb2.PromoteResponse(rollout=self._decide(request))

    async def Rollback(
        self, request: registry_pb2.RollbackRequest, context: Any
    ) -> registry_pb2.RollbackResponse:
        return registry_pb2.RollbackResponse(rollout=self._decide(request))

    def _decide(
        self, request: registry_pb2.PromoteRequest | registry_pb2.RollbackRequest
    ) -> registry_pb2.Rollout:
        if request.rollout_id not in ("", ROLLOUT.rollout_id):
            raise NotFound(f"no rollout {request.rollout_id}")
        self.decided.append(request)
        return ROLLOUT

    async def ImportAdapter(
        self, request: registry_pb2.ImportAdapterRequest, context: Any
    ) -> registry_pb2.ImportAdapterResponse:
        self.imported.append(request)
        made = registry_pb2.Rollout(
            rollout_id=ROLLOUT.rollout_id, adapter_digest=request.adapter_digest
        )
        return registry_pb2.ImportAdapterResponse(rollout=made)

    async def ListAdapters(self, request: Any, context: Any) -> registry_pb2.ListAdaptersResponse:
        return registry_pb2.ListAdaptersResponse(adapters=[registry_pb2.Adapter(digest="b" * 64)])

    async def GetLineage(
        self, request: registry_pb2.GetLineageRequest, context: Any
    ) -> registry_pb2.GetLineageResponse:
        if request.answer_id != ANSWER_ID:
            raise NotFound(f"no answer {request.answer_id}")
        found = {"answer": {"id": request.answer_id}, "drift": None}
        return registry_pb2.GetLineageResponse(lineage_json=json.dumps(found))


class FakeDrift(drift_pb2_grpc.DriftServiceServicer):
    """Watches one route of the tenant `default`."""

    async def Status(self, request: Any, context: Any) -> drift_pb2.StatusResponse:
        detector = drift_pb2.Detector(
            name="novelty",
            family="input",
            state="watching",
            statistic=2,
            threshold=50,
            events=300,
            history=[1, 2],
        )
        stream = drift_pb2.Stream(
            route="default",
            state="watching",
            events=300,
            detectors=[detector],
            cause="input",
            clusters=[
                drift_pb2.Cluster(cluster=0, before=0.9, now=0.5, x=-1, y=0, example="Where?"),
                drift_pb2.Cluster(cluster=1, before=0.1, now=0.5, x=1, y=0, example="When?"),
            ],
        )
        mine = tenant_of(context) == "default"
        return drift_pb2.StatusResponse(streams=[stream] if mine else [])


class FakeEvaluation(evaluation_pb2_grpc.EvaluationServiceServicer):
    """Runs a suite of two items; a suite named `broken` fails after the first."""

    def __init__(self) -> None:
        self.suites: dict[str, str] = {}
        self.asked: list[evaluation_pb2.EvaluateRequest] = []

    async def Evaluate(
        self, request: evaluation_pb2.EvaluateRequest, context: Any
    ) -> AsyncIterator[evaluation_pb2.EvaluateResponse]:
        self.asked.append(request)
        if request.suite == "missing":
            raise NotFound("no suite 'missing'")
        yield evaluation_pb2.EvaluateResponse(
            item=evaluation_pb2.ItemResult(item_id="1", question="Where?", passed=True)
        )
        if request.suite == "broken":
            raise ServiceError("the engine is gone")
        yield evaluation_pb2.EvaluateResponse(
            report=evaluation_pb2.Report(suite=request.suite, items=1, passed=1, ok=True)
        )

    async def PutSuite(
        self, request: evaluation_pb2.PutSuiteRequest, context: Any
    ) -> evaluation_pb2.PutSuiteResponse:
        self.suites[request.name] = request.yaml
        return evaluation_pb2.PutSuiteResponse(
            suite=evaluation_pb2.SuiteInfo(name=request.name, digest="4" * 64, items=1)
        )

    async def ListSuites(self, request: Any, context: Any) -> evaluation_pb2.ListSuitesResponse:
        found = [evaluation_pb2.SuiteInfo(name=name, items=1) for name in self.suites]
        return evaluation_pb2.ListSuitesResponse(suites=found)

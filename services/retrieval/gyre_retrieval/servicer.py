"""RPC in: convert, validate, delegate."""

from collections.abc import Sequence
from uuid import UUID

from gyre_events import EmbeddingObserved, Purpose
from gyre_retrieval.encoder import Encoder
from gyre_retrieval.injection import injection_score
from gyre_retrieval.opening import Opening
from gyre_retrieval.searching import Passage, Searcher, margin
from gyre_retrieval.vectors import Vectors, to_bytes, to_text
from gyre_rpc.retrieval.v1 import retrieval_pb2 as pb
from gyre_rpc.retrieval.v1.retrieval_pb2_grpc import RetrievalServiceServicer
from gyre_service.database import Sessions, transaction
from gyre_service.errors import Rejected, Unavailable
from gyre_service.ids import derived_id
from gyre_service.kafka import enqueue
from gyre_service.kafka.spool import Spool
from gyre_service.rpc import Context, purpose_of, tenant_of

SERVICE = "retrieval"
MAX_LIMIT = 100
MAX_TEXTS = 256
MAX_CHARS = 32_000  # of a text


class Servicer(RetrievalServiceServicer):
    """`RetrievalService`, for one tenant a call."""

    def __init__(
        self,
        sessions: Sessions,
        encoder: Encoder,
        searcher: Searcher,
        opening: Opening,
        spool: Spool,
        default_limit: int,
    ) -> None:
        self._sessions = sessions
        self._encoder = encoder
        self._searcher = searcher
        self._opening = opening
        self._spool = spool
        self._default_limit = default_limit

    async def Search(self, request: pb.SearchRequest, context: Context) -> pb.SearchResponse:
        tenant, purpose = tenant_of(context), purpose_of(context)
        _check_text("text", request.text)
        if request.limit > MAX_LIMIT:
            raise Rejected(f"limit is {request.limit}, at most {MAX_LIMIT}", param="limit")
        observed = _observation(request, request.text)
        await self._check_open(observed is not None)

        # The event has the question as asked; the search may have been for other words.
        question = observed.question if observed is not None else request.text
        texts = [request.text] if question == request.text else [request.text, question]
        vectors = await self._encoder.encode(texts, tenant, urgent=True)
        limit = request.limit or self._default_limit
        # Two, or there is no margin.
        found = await self._searcher.search(
            tenant, request.collection or "default", vectors[0], max(limit, 2)
        )
        if observed is not None:
            await self._observe(tenant, purpose, [observed], vectors[-1:], found)
        return pb.SearchResponse(passages=[_passage(passage) for passage in found[:limit]])

    async def Embed(self, request: pb.EmbedRequest, context: Context) -> pb.EmbedResponse:
        tenant, purpose = tenant_of(context), purpose_of(context)
        texts = list(request.texts)
        observed = _observations(request, purpose)
        if observed:
            if texts:
                raise Rejected("texts must be empty with an observation", param="texts")
            texts = [one.question for one in observed]
        if not 1 <= len(texts) <= MAX_TEXTS:
            raise Rejected(f"texts has {len(texts)} entries, 1 to {MAX_TEXTS}", param="texts")
        for number, text in enumerate(texts):
            _check_text(f"texts[{number}]", text)
        await self._check_open(bool(observed))

        # Texts may be many and past questions are: those who search must not wait for them.
        urgent = request.HasField("observation") and purpose is Purpose.LIVE
        vectors = await self._encoder.encode(texts, tenant, urgent=urgent)
        tokens = await self._encoder.count_tokens(texts, urgent=urgent)
        await self._observe(tenant, purpose, observed, vectors, None)
        identity = self._encoder.identity
        return pb.EmbedResponse(
            encoder=identity.name,
            encoder_digest=identity.digest,
            dimension=identity.dimension,
            vectors=to_bytes(vectors),
            tokens=tokens,
        )

    async def _check_open(self, observes: bool) -> None:
        if reason := await self._opening.check():
            raise Unavailable(reason)
        if observes:
            self._spool.check()

    async def _observe(
        self,
        tenant: str,
        purpose: Purpose,
        observed: Sequence[pb.Observation],
        vectors: Vectors,
        passages: Sequence[Passage] | None,
    ) -> None:
        """Publish questions, with what was found for them; None: nothing was looked for."""
        found = passages or ()
        if not observed:
            return
        async with transaction(self._sessions) as session:
            for one, vector in zip(observed, vectors, strict=True):
                event = EmbeddingObserved(
                    answer_id=UUID(one.answer_id),
                    route=one.route,
                    purpose=purpose,
                    person=one.person or None,
                    text=one.question,
                    encoder=self._encoder.identity,
                    vector=to_text(vector),
                    top_score=found[0].score if found else None,
                    margin=margin(found),
                    hits=len(found),
                    searched=passages is not None,
                    injection_score=injection_score(one.question),
                )
                # A question that is asked again for the same answer is the same event.
                id = derived_id(tenant, SERVICE, event.topic, event.answer_id)
                enqueue(session, event, tenant, SERVICE, id)


def _observations(request: pb.EmbedRequest, purpose: Purpose) -> list[pb.Observation]:
    """Return what is to be observed: one question that is asked now, or many past ones.

    Raises:
        Rejected: One of them cannot become an event, or past questions came as others.
    """
    if not request.observations:
        one = _observation(request, "")
        return [] if one is None else [one]
    if purpose is not Purpose.BASELINE:
        raise Rejected(
            f"observations have the purpose {purpose}, only baseline may have many",
            param="observations",
        )
    if request.HasField("observation"):
        raise Rejected("observation must be absent with observations", param="observation")
    return [
        _checked(one, "", f"observations[{number}]")
        for number, one in enumerate(request.observations)
    ]


def _observation(
    request: pb.SearchRequest | pb.EmbedRequest, default_question: str
) -> pb.Observation | None:
    """Return the request's observation with its question filled in, if it has one.

    Raises:
        Rejected: It cannot become an event.
    """
    if not request.HasField("observation"):
        return None
    return _checked(request.observation, default_question, "observation")


def _checked(given: pb.Observation, default_question: str, name: str) -> pb.Observation:
    observed = pb.Observation()
    observed.CopyFrom(given)
    try:
        UUID(observed.answer_id)
    except ValueError as error:
        raise Rejected(
            f"{name}.answer_id is {observed.answer_id!r}, expected a UUID",
            param=f"{name}.answer_id",
        ) from error
    if not observed.route:
        raise Rejected(f"{name}.route is empty", param=f"{name}.route")
    observed.question = observed.question or default_question
    _check_text(f"{name}.question", observed.question)
    return observed


def _check_text(name: str, text: str) -> None:
    if not text.strip():
        raise Rejected(f"{name} is empty", param=name)
    if len(text) > MAX_CHARS:
        raise Rejected(f"{name} has {len(text)} characters, at most {MAX_CHARS}", param=name)


def _passage(passage: Passage) -> pb.Passage:
    return pb.Passage(
        chunk_id=str(passage.chunk_id),
        document_id=str(passage.document_id),
        version=passage.version,
        document=passage.document,
        page=passage.page or 0,
        text=passage.text,
        score=passage.score,
    )

"""Asks a route the question of an item, with the item's own evidence or what it finds itself."""

import asyncio
from collections.abc import Sequence
from time import perf_counter
from uuid import UUID

from grpc import aio

from gyre_evaluation.clients.asking import complete
from gyre_evaluation.run import Answer
from gyre_evaluation.suites import GivenPassage, Item
from gyre_events import Purpose
from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_service.errors import Conflict, Unavailable
from gyre_service.ids import derived_id
from gyre_service.rpc import Metadata, calling_for

SEED = 0


class Answerer:
    """A route of one tenant, during one run.

    With `retrieve` the route searches for passages itself, as it does for people.

    Its calls have the run's own request ids: trying again asks for the same answer, another run
    for another one.
    """

    def __init__(
        self,
        channel: aio.Channel,
        token: str,
        *,
        tenant: str,
        route: str,
        adapter: str,
        run_id: UUID,
        timeout_s: float,
        pauses_s: Sequence[float],
        retrieve: bool = False,
    ) -> None:
        self._channel = channel
        self._token = token
        self._tenant = tenant
        self._route = route
        self._adapter = adapter
        self._run_id = run_id
        self._timeout_s = timeout_s
        self._pauses_s = pauses_s
        self._retrieve = retrieve

    async def ask(self, item: Item) -> Answer:
        """Return the route's answer at temperature 0.

        Raises:
            Unavailable: `inference` is away or full, also after every pause.
            Conflict: It is still busy with a lost attempt, also after every pause.
            NoAnswer: It did not answer in time, or failed, also after every pause.
            Rejected: It does not answer this question.
        """
        for pause in self._pauses_s:
            try:
                return await self._ask_once(item)
            except (Unavailable, Conflict):  # or the attempt before is still being answered
                await asyncio.sleep(pause)
        return await self._ask_once(item)

    async def _ask_once(self, item: Item) -> Answer:
        start = perf_counter()
        response = await complete(
            self._channel, self._request(item), self._metadata(item), self._timeout_s
        )
        started, finished = response.started, response.finished
        return Answer(
            text=finished.answer,
            passages=tuple(passage.text for passage in started.passages),
            refused=finished.refused,
            latency_s=perf_counter() - start,
            answer_id=started.answer_id,
            route=started.route,
            model=started.model,
            prompt=started.prompt,
        )

    def _metadata(self, item: Item) -> Metadata:
        return calling_for(
            self._tenant,
            Purpose.SUITE,
            authorization=f"Bearer {self._token}" if self._token else None,
            gyre_request_id=str(derived_id(self._run_id, item.id)),
        )

    def _request(self, item: Item) -> pb.GenerateRequest:
        evidence = [] if self._retrieve else [_given(passage) for passage in item.passages]
        return pb.GenerateRequest(
            route=self._route,
            messages=[pb.Message(role="user", content=item.question)],
            sampling=pb.Sampling(temperature=0, seed=SEED),
            retrieval=pb.RETRIEVAL_ON if self._retrieve else pb.RETRIEVAL_GIVEN,
            evidence=evidence,
            adapter=self._adapter,
            # One a question, the same in every run: so is the arm that answers.
            conversation_id=str(derived_id("suite", item.id, item.question)),
        )


def _given(passage: GivenPassage) -> pb.Passage:
    return pb.Passage(
        chunk_id=str(derived_id("suite", passage.document, passage.text)),
        document_id=str(derived_id("suite", passage.document)),
        version=1,
        document=passage.document,
        page=passage.page or 0,
        text=passage.text,
        score=1.0,  # given, not found
    )

"""Questions, the answers to them, and what people say of those."""

from collections.abc import Sequence
from typing import Any

from gyre_client import calls
from gyre_client.answering import Asking, AsyncAsking
from gyre_client.calls import Thumb, Turn
from gyre_client.connection import AsyncConnection, Connection
from gyre_client.results import AnswerRecord, FeedbackAccepted

PATH = "/v1/answers"


class Questions(Connection):
    """The part of the client that is about questions."""

    def ask(
        self,
        question: str,
        *,
        route: str = "default",
        history: Sequence[Turn] = (),
        retrieval: bool = True,
        conversation_id: str | None = None,
        **more: Any,
    ) -> Asking:
        """Ask a question; the arguments are those of `calls.ask`."""
        call = calls.ask(question, route, history, retrieval, conversation_id, **more)
        return Asking(self._send(call, stream=True))

    def feedback(
        self,
        answer_id: str,
        *,
        thumb: Thumb | None = None,
        score: float | None = None,
        comment: str | None = None,
        edited_answer: str | None = None,
        person: str | None = None,
    ) -> str:
        """Say what a person thinks of an answer (`score` 0..1); returns the feedback's id."""
        call = calls.feedback(answer_id, thumb, score, comment, edited_answer, person)
        return self._do(FeedbackAccepted, call).feedback_id

    def answers(self, limit: int = 20, route: str | None = None) -> list[AnswerRecord]:
        """Return the newest answers first."""
        return list(self._page(AnswerRecord, calls.listing(PATH, limit, route=route)).data)

    def answer(self, id: str) -> AnswerRecord:
        return self._do(AnswerRecord, calls.one(PATH, id))


class AsyncQuestions(AsyncConnection):
    """`Questions` of the async client."""

    async def ask(
        self,
        question: str,
        *,
        route: str = "default",
        history: Sequence[Turn] = (),
        retrieval: bool = True,
        conversation_id: str | None = None,
        **more: Any,
    ) -> AsyncAsking:
        call = calls.ask(question, route, history, retrieval, conversation_id, **more)
        return AsyncAsking(await self._send(call, stream=True))

    async def feedback(
        self,
        answer_id: str,
        *,
        thumb: Thumb | None = None,
        score: float | None = None,
        comment: str | None = None,
        edited_answer: str | None = None,
        person: str | None = None,
    ) -> str:
        call = calls.feedback(answer_id, thumb, score, comment, edited_answer, person)
        return (await self._do(FeedbackAccepted, call)).feedback_id

    async def answers(self, limit: int = 20, route: str | None = None) -> list[AnswerRecord]:
        return list((await self._page(AnswerRecord, calls.listing(PATH, limit, route=route))).data)

    async def answer(self, id: str) -> AnswerRecord:
        return await self._do(AnswerRecord, calls.one(PATH, id))

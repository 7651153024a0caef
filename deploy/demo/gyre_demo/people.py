"""People who ask, and say what they think of the answers, through the public API."""

import asyncio
import random
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from gyre_client import AsyncGyre, GyreError
from gyre_client.results import Answer
from gyre_models.shifts import Case

PATIENCE_S = 300.0
AGAIN_S = 1.0
AT_ONCE = 3  # questions; the machine has two cores and serves, searches and trains on them


@dataclass(frozen=True)
class Reply:
    """What came back for a case."""

    case: Case
    text: str
    answer_id: str
    documents: tuple[str, ...]  # of the passages, in the order of their numbers
    adapter: str | None

    @property
    def wanted(self) -> str | None:
        """The answer it should have been, or None where no passage has the answer."""
        if self.case.document not in self.documents:
            return None
        return self.case.answer(self.documents.index(self.case.document) + 1)

    @property
    def right(self) -> bool:
        return self.text.strip() == self.wanted


class People:
    """A team of so many people.

    Args:
        gyre: A client of the stack.
        route: Asked.
        seed: Of who asks what, and of conversation ids.
        number: Of people.
    """

    def __init__(self, gyre: AsyncGyre, route: str, seed: int, number: int = 25) -> None:
        self._gyre = gyre
        self._route = route
        self._random = random.Random(seed)
        self._names = [f"person-{n}" for n in range(number)]
        self._slots = asyncio.Semaphore(AT_ONCE)
        self.asked = 0

    async def ask(self, case: Case) -> Reply:
        """Ask one question in a conversation of its own."""
        conversation = str(UUID(int=self._random.getrandbits(128), version=4))
        person = self._random.choice(self._names)
        async with self._slots:
            self.asked += 1
            answer = await self._answer(case.question, conversation, person)
        assert answer.answer_id is not None
        return Reply(
            case,
            answer.text,
            answer.answer_id,
            tuple(passage.document for passage in answer.passages),
            answer.adapter,
        )

    async def _answer(self, question: str, conversation: str, person: str) -> Answer:
        """Ask until there is an answer: people try again when something is away."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    asking = await self._gyre.ask(
                        question, route=self._route, conversation_id=conversation, user=person
                    )
                    return await asking.answer()
                except GyreError as error:
                    if error.status is not None and error.status < 500:
                        raise
                await asyncio.sleep(AGAIN_S)

    async def judge(self, reply: Reply, correction: str | None = None) -> None:
        """Praise a right answer, correct a wrong one.

        Args:
            reply: The answer.
            correction: What a wrong one is corrected to; default: what was wanted.
        """
        person = self._random.choice(self._names)
        if reply.right and correction is None:
            await self._gyre.feedback(reply.answer_id, thumb="up", person=person)
        elif (text := correction or reply.wanted) is not None:
            await self._gyre.feedback(
                reply.answer_id, thumb="down", edited_answer=text, person=person
            )
        else:
            await self._gyre.feedback(reply.answer_id, thumb="down", person=person)

    async def quality(self, cases: Iterable[Case]) -> float:
        """Return the share of exactly right answers; nobody says anything about them."""
        replies = await asyncio.gather(*(self.ask(case) for case in cases))
        return sum(reply.right for reply in replies) / len(replies)

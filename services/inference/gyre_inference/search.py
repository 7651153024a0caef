"""What the service wants of search, whoever does it."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from gyre_events import Passage, Purpose


@dataclass(frozen=True)
class Asked:
    """A question as the detectors will see it."""

    answer_id: UUID
    route: str
    person: str | None
    question: str
    tenant: str
    purpose: Purpose


class Search(Protocol):
    """Finds passages in the documents of a tenant."""

    async def search(
        self, asked: Asked, text: str, collection: str, limit: int
    ) -> tuple[Passage, ...]:
        """Return the passages nearest to `text`, best first; the question is observed.

        Raises:
            Unavailable: Search is away, or too slow.
            Rejected: It will never answer this.
        """
        ...

    async def observe(self, asked: Asked) -> None:
        """Let a question that was not searched for be seen by the detectors.

        Raises:
            Unavailable: Search is away, or too slow.
            Rejected: It will never take this.
        """
        ...

"""The same request id gives the same answer, for a day."""

import hashlib
from datetime import timedelta
from uuid import UUID

from gyre_events import AnswerGenerated
from gyre_inference import store
from gyre_inference.settings import Settings
from gyre_service.database import Sessions, snapshot, transaction
from gyre_service.errors import AlreadyExists, Conflict, Unavailable
from gyre_service.ids import derived_id, now
from gyre_service.kafka import enqueue


class Answers:
    """Keeps answers, and publishes them: both or neither.

    Args:
        sessions: On the service's database, which is also the spool while Kafka is away.
        settings: How long answers are kept, and how many events may wait for Kafka.
    """

    def __init__(self, sessions: Sessions, settings: Settings) -> None:
        self._sessions = sessions
        self._service = settings.service
        self._replica = settings.replica
        # After that nobody is answering any more: the process has died, and did not come back.
        self._answering = timedelta(seconds=settings.answer_timeout_s + 5)
        self._keep = timedelta(seconds=settings.keep_answers_s)
        self._max_spooled = settings.max_spooled

    async def check_spool(self) -> int:
        """Return how many events wait for Kafka.

        Raises:
            Unavailable: So many that an answer could not be published any more.
        """
        async with snapshot(self._sessions) as session:
            waiting = await store.count_spooled(session)
        if waiting >= self._max_spooled:
            raise Unavailable(
                f"{waiting} events wait for Kafka, at most {self._max_spooled}: try again later"
            )
        return waiting

    async def forget_claims(self) -> None:
        """Drop what this replica was answering when it was killed. Only at start: nobody is."""
        async with transaction(self._sessions) as session:
            await store.forget_claims(session, self._replica)

    async def claim(self, tenant: str, answer_id: UUID, body: bytes) -> bytes | None:
        """Return what was answered under this id, or claim it and return None.

        Raises:
            AlreadyExists: The id was used for another request.
            Conflict: The same request is being answered now.
        """
        digest = hashlib.sha256(body).hexdigest()
        async with transaction(self._sessions) as session:
            await store.forget_old_answers(session, now())
            found = await store.get_answer(session, tenant, answer_id)
            if found is None:
                session.add(
                    store.StoredAnswer(
                        tenant=tenant,
                        answer_id=answer_id,
                        body_sha256=digest,
                        replica=self._replica,
                        until=now() + self._answering,
                    )
                )
                return None
            if found.body_sha256 != digest:
                raise AlreadyExists("this request id was used for another request")
            if found.response is None:
                raise Conflict("the same request is being answered: ask again when it is done")
            return found.response

    async def finish(
        self, tenant: str, event: AnswerGenerated, response: bytes, *, keep: bool
    ) -> None:
        """Publish an answer, and keep it if it was claimed.

        Raises:
            Unavailable: The database is away or full; then nothing is kept or published.
        """
        async with transaction(self._sessions) as session:
            enqueue(
                session,
                event,
                tenant,
                self._service,
                derived_id(tenant, event.topic, event.answer_id),
            )
            found = await store.get_answer(session, tenant, event.answer_id) if keep else None
            if found is not None:
                found.response = response
                found.until = now() + self._keep
                session.add(found)

    async def give_up(self, tenant: str, answer_id: UUID) -> None:
        async with transaction(self._sessions) as session:
            await store.forget_answer(session, tenant, answer_id)

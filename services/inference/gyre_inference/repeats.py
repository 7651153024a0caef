"""The same request id gives the same answer, for a day, and never another one."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Coroutine
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from gyre_events import AnswerGenerated
from gyre_inference import store
from gyre_inference.settings import Settings
from gyre_service.database import Sessions, transaction
from gyre_service.errors import AlreadyExists, Conflict, Unavailable
from gyre_service.ids import derived_id, new_id, now
from gyre_service.kafka import enqueue, enqueue_alone
from gyre_service.kafka.spool import Spool
from gyre_service.seen import KEPT

GIVE_UP_S = 1.0  # that whoever asked waits for it
AGAIN_S = 1.0
log = logging.getLogger(__name__)


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
        self._spool = Spool(sessions, settings.max_spooled)
        self._writing: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()
        self._claims: dict[tuple[str, UUID], datetime] = {}  # ours, and until when

    async def spool_full(self) -> str:
        """Count what waits for Kafka, as `Spool.look` does."""
        return await self._spool.look()

    def check_spool(self) -> None:
        """Let a question pass.

        Raises:
            Unavailable: Its answer might find no room.
        """
        self._spool.check()

    async def forget_claims(self) -> None:
        """Drop what this replica was answering when it was killed. Only at start: nobody is."""
        async with transaction(self._sessions) as session:
            await store.forget_claims(session, self._replica)

    async def claim(self, tenant: str, answer_id: UUID, body: bytes) -> bytes | None:
        """Return what was answered under this id, or claim it and return None.

        Raises:
            AlreadyExists: The id was used for another request, or its answer is not kept any more.
            Conflict: The same request is being answered now.
        """
        digest = hashlib.sha256(body).hexdigest()
        async with transaction(self._sessions) as session:
            await store.forget_old_answers(session, now())
            found = await store.get_answer(session, tenant, answer_id)
            if found is None:
                # Its events would have the ids of the answer's: everybody else has those.
                if await store.was_answered(session, tenant, answer_id):
                    raise AlreadyExists(
                        "this request id was used before, and its answer is not kept any more: "
                        "use another one"
                    )
                until = now() + self._answering
                session.add(
                    store.StoredAnswer(
                        tenant=tenant,
                        answer_id=answer_id,
                        body_sha256=digest,
                        replica=self._replica,
                        until=until,
                    )
                )
                self._claims[tenant, answer_id] = until
                return None
            if found.body_sha256 != digest:
                raise AlreadyExists("this request id was used for another request")
            if found.response is None:
                raise Conflict("the same request is being answered: ask again when it is done")
            return found.response

    async def finish(
        self, tenant: str, event: AnswerGenerated, response: bytes, *, keep: bool
    ) -> None:
        """Publish an answer, and keep it if it was claimed; a cancel comes too late.

        Raises:
            Unavailable: The database is away or full; then nothing is kept or published.
        """
        await self._undisturbed(self._finish(tenant, event, response, keep=keep))

    async def _finish(
        self, tenant: str, event: AnswerGenerated, response: bytes, *, keep: bool
    ) -> None:
        id = derived_id(tenant, event.topic, event.answer_id)
        if not keep:
            await enqueue_alone(self._sessions, event, tenant, self._service, id)
            return
        async with transaction(self._sessions) as session:
            enqueue(session, event, tenant, self._service, id)
            until = now() + KEPT
            session.add(store.Answered(tenant=tenant, answer_id=event.answer_id, until=until))
            found = await store.get_answer(session, tenant, event.answer_id)
            if found is not None:
                found.response = response
                found.until = now() + self._keep
                session.add(found)
        self._claims.pop((tenant, event.answer_id), None)

    async def give_up(
        self, tenant: str, answer_id: UUID, broken_off: AnswerGenerated | None
    ) -> None:
        """Let the same request be answered anew: soon, if the database is away now.

        Args:
            tenant: Who asked.
            answer_id: Of the answer that broke off.
            broken_off: What was made of it, if the engine had work: it is published.
        """
        task = self._write(self._give_up_at_last(tenant, answer_id, broken_off))
        # Who asked is told of the error that broke it off, and does not wait for a database.
        await asyncio.wait((task,), timeout=GIVE_UP_S)

    async def _give_up_at_last(
        self, tenant: str, answer_id: UUID, broken_off: AnswerGenerated | None
    ) -> None:
        """Try until the claim ends by itself, or the process does: its next one forgets claims."""
        end = time.monotonic() + self._answering.total_seconds()
        until = self._claims.pop((tenant, answer_id), None)
        # A new id, once: it is not the answer, which may still come, nor another attempt.
        id = new_id()
        while True:
            try:
                return await self._give_up(tenant, answer_id, until, broken_off, id)
            except Unavailable:
                if time.monotonic() > end or self._closing.is_set():
                    raise
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_S):
                    await self._closing.wait()

    async def _give_up(
        self,
        tenant: str,
        answer_id: UUID,
        until: datetime | None,
        broken_off: AnswerGenerated | None,
        id: UUID,
    ) -> None:
        async with transaction(self._sessions) as session:
            if until is not None:
                await store.forget_claim(session, tenant, answer_id, until)
            if broken_off is not None:
                enqueue(session, broken_off, tenant, self._service, id)

    async def close(self) -> None:
        """Wait for what is being written."""
        self._closing.set()
        await asyncio.gather(*self._writing, return_exceptions=True)

    async def _undisturbed(self, writing: Coroutine[Any, Any, None]) -> None:
        """Write to the end, even if who waits for it is cancelled: half of it would count twice."""
        await asyncio.shield(self._write(writing))

    def _write(self, writing: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(writing)
        self._writing.add(task)
        task.add_done_callback(self._written)
        return task

    def _written(self, task: asyncio.Task[None]) -> None:
        self._writing.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.warning("an answer was not written: %s", error)

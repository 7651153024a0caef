"""One event and the route that it is about, inside the handler's transaction."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_drift.tables import Stream
from gyre_drift.watching.watch import Production, Watch
from gyre_events import Policy, Position, RolloutChanged
from gyre_service.ids import derived_id
from gyre_service.kafka import Received

SERVICE = "drift"
CANDIDATE = "candidate"  # the arm of an adapter that a rollout is about
TEXT = 500  # characters of a question that an event repeats


@dataclass(frozen=True)
class Occasion:
    """What a transaction needs to take an event.

    Args:
        session: Of the transaction.
        cause: The event.
        time: Of the event, on the platform's clock.
        rollout: Of its route, if the registry has said one.
        row: The route's stream.
    """

    session: AsyncSession
    cause: Received
    time: datetime
    rollout: RolloutChanged | None
    row: Stream

    @property
    def policy(self) -> Policy:
        return self.rollout.policy if self.rollout else Policy()

    @property
    def production(self) -> Production:
        """What answers everybody, as far as the registry has said."""
        arm = self.rollout.arms[0] if self.rollout else None
        return (arm.adapter_digest, arm.job_id) if arm else (None, None)

    def candidate(self) -> UUID | None:
        """Return the job whose adapter is being measured or shown."""
        if self.rollout is None or self.rollout.stage == "steady":
            return None
        return next((arm.job_id for arm in self.rollout.arms if arm.name == CANDIDATE), None)

    def id(self, *parts: object) -> UUID:
        """Return an id that this cause gives however often it is handled."""
        cause = self.cause
        return derived_id(cause.tenant, SERVICE, cause.source, cause.id, *parts)


def positions(watch: Watch) -> tuple[Position, ...]:
    return tuple(
        Position(topic=topic, partition=partition, offset=offset)
        for (topic, partition), offset in sorted(watch.positions.items())
    )


def cut(texts: Iterable[str]) -> tuple[str, ...]:
    """Return texts short enough that a few of them fit into an event."""
    return tuple(text if len(text) <= TEXT else f"{text[: TEXT - 1]}…" for text in texts)

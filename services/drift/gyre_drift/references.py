"""Frozen references: read once a process, because every question is compared with one."""

from collections import OrderedDict
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gyre_drift.tables import Reference as ReferenceRow
from gyre_drift.watching.reference import Reference


class References:
    """The references that were used last.

    Args:
        most: How many are kept at hand, of 0.8 MB each.
    """

    def __init__(self, most: int = 16) -> None:
        self._most = most
        self._at_hand: OrderedDict[UUID, Reference] = OrderedDict()

    async def get(
        self, session: AsyncSession, tenant: str, route: str, reference_id: UUID
    ) -> Reference | None:
        """Return a reference; None if it is not kept, or by a release that kept less of it."""
        found = self._at_hand.get(reference_id)
        if found is None:
            row = await session.get(ReferenceRow, (tenant, route, reference_id))
            found = Reference.of_bytes(reference_id, row.content) if row else None
        if found is not None:
            self._at_hand[reference_id] = found
            self._at_hand.move_to_end(reference_id)
            while len(self._at_hand) > self._most:
                self._at_hand.popitem(last=False)
        return found

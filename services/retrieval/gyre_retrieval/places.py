"""Where a vector belongs."""

from dataclasses import dataclass
from uuid import UUID

from gyre_service.ids import derived_id


def point_id(tenant: str, chunk_id: UUID) -> str:
    # Not the chunk's own id: two tenants may use the same.
    return str(derived_id(tenant, chunk_id))


@dataclass(frozen=True)
class Place:
    """Whose a chunk is, and what it is found by."""

    tenant: str
    chunk_id: UUID
    document_id: UUID
    version: int
    collection: str

    @property
    def point_id(self) -> str:
        return point_id(self.tenant, self.chunk_id)

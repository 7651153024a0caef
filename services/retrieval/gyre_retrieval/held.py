"""What the embedded index holds, by whose it is.

Qdrant's local mode has no indexes: a filter of it walks over every payload, 48 µs each. With this
beside it no call needs a filter.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from uuid import UUID

from prometheus_client import Gauge

from gyre_retrieval.places import Place

LARGE = 50_000  # points: README.md says what a search takes then
POINTS = Gauge("gyre_retrieval_points", "Vectors in the embedded index")
log = logging.getLogger(__name__)


class Held:
    """The place of every point, by tenant and collection."""

    def __init__(self) -> None:
        self._places: defaultdict[tuple[str, str], dict[str, Place]] = defaultdict(dict)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, places: Iterable[Place]) -> None:
        """Add points, or replace them; say in the log when they become many."""
        before = self._count
        for place in places:
            of, point_id = self._places[place.tenant, place.collection], place.point_id
            self._count += point_id not in of
            of[point_id] = place
        POINTS.set(self._count)
        if before <= LARGE < self._count:
            log.warning(
                "the embedded index has %d vectors, more than %d: a Qdrant server is faster",
                self._count,
                LARGE,
            )

    def drop(self, point_ids: Iterable[str]) -> None:
        for point_id in point_ids:
            for of in self._places.values():
                self._count -= of.pop(point_id, None) is not None
        POINTS.set(self._count)

    def of(self, tenant: str, collection: str) -> Mapping[str, Place]:
        """Return the places of a tenant's collection, by the points' ids."""
        return self._places.get((tenant, collection), {})

    def points_of(self, tenant: str, document_id: UUID) -> set[str]:
        """Return the id of every point of a document, of all its versions."""
        return {
            point_id
            for (owner, _), of in self._places.items()
            if owner == tenant
            for point_id, place in of.items()
            if place.document_id == document_id
        }

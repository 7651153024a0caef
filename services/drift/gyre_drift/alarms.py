"""What an alarm says: what moved, since when, by how much, as which questions."""

from itertools import islice
from typing import Any, Literal, cast

import numpy as np
from prometheus_client import Counter

from gyre_drift import store
from gyre_drift.occasion import Occasion, cut, positions
from gyre_drift.watching.causes import cause_of
from gyre_drift.watching.deciding import Raised
from gyre_drift.watching.panel import MIX, NEW
from gyre_drift.watching.reference import Reference, Vectors
from gyre_drift.watching.signals import Alarm
from gyre_drift.watching.watch import Watch
from gyre_events import DriftDetected, Moved
from gyre_service.ids import now

EXAMPLES = 5
CLUSTERS = 3  # that moved most
Family = Literal["input", "retrieval", "quality", "people", "operations"]

ALARMS = Counter("gyre_drift_alarms", "Alarms, by family", ["family"])


async def raised(
    occasion: Occasion, watch: Watch, reference: Reference | None, alarm: Alarm, number: int
) -> DriftDetected:
    """Return the event of an alarm, which counts from now on.

    Args:
        occasion: Of the event that raised it.
        watch: Gets it among its alarms.
        reference: What its questions are compared with; None while there is none.
        alarm: What was raised.
        number: Of the alarm among those of the same event.
    """
    row, drift_id = occasion.row, occasion.id("drift", number)
    one = Raised(
        str(drift_id), alarm.detector, alarm.family, row.events, alarm.onset, occasion.time
    )
    watch.count(one)
    ALARMS.labels(alarm.family).inc()
    details: dict[str, Any] = {}
    if reference is not None:
        texts, vectors = await store.newest(occasion.session, row, alarm.onset, store.KEPT)
        movers = _movers(alarm.detector, watch, reference, vectors)
        details = {
            "examples": cut(texts[index] for index in movers),
            "nearest": cut(reference.nearest(vectors[index]) for index in movers),
            "moved": _moved(watch, reference, texts, vectors),
        }
    return DriftDetected(
        drift_id=drift_id,
        route=row.route,
        family=cast(Family, alarm.family),
        detector=alarm.detector,
        cause=cause_of(watch.counting),
        statistic=alarm.statistic,
        threshold=alarm.threshold,
        reference_id=row.reference_id,
        events=alarm.events,
        onset=alarm.onset,
        size=alarm.size,
        size_low=alarm.low,
        size_high=alarm.high,
        positions=positions(watch),
        decided_at=now(),
        **details,
    )


def _movers(detector: str, watch: Watch, reference: Reference, vectors: Vectors) -> list[int]:
    """Return which questions since the onset have moved a detector most, as far as they can tell.

    Of answers, and of what people say of them, the questions are not known.
    """
    if detector in NEW:
        distances = np.array([reference.distance(vector) for vector in vectors])
        return [int(index) for index in np.argsort(-distances, kind="stable")[:EXAMPLES]]
    if detector == MIX:
        grown = max(watch.panel.mix.changes(), key=lambda change: change.now - change.before)
        mine = (n for n, vector in enumerate(vectors) if reference.cluster(vector) == grown.cluster)
        return list(islice(mine, EXAMPLES))
    return []


def _moved(
    watch: Watch, reference: Reference, texts: list[str], vectors: Vectors
) -> tuple[Moved, ...]:
    """Return the clusters whose shares have changed most, if any has."""
    if not texts:
        return ()
    clusters = np.array([reference.cluster(vector) for vector in vectors])
    found = []
    for change in watch.panel.mix.changes()[:CLUSTERS]:
        mine = np.flatnonzero(clusters == change.cluster)[:EXAMPLES]
        found.append(
            Moved(
                cluster=change.cluster,
                before=change.before,
                now=change.now,
                low=change.low,
                high=change.high,
                examples=cut(texts[index] for index in mine),
                nearest=cut(reference.nearest(vectors[index]) for index in mine),
            )
        )
    return tuple(found)

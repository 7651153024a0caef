"""Whether the newest questions are others than before, or those of a world of before."""

import asyncio
from dataclasses import dataclass

from gyre_drift import eras, store
from gyre_drift.occasion import Occasion
from gyre_drift.references import References
from gyre_drift.tables import Era
from gyre_drift.watching import batch, deciding, worlds
from gyre_drift.watching.batch import Auc
from gyre_drift.watching.deciding import Raised
from gyre_drift.watching.reference import Reference
from gyre_events import BatchTest, DriftPolicy
from gyre_service.ids import utc

CLASSIFIER = "AUC of a ridge classifier, five folds"


@dataclass(frozen=True)
class Older:
    """What older worlds have to say.

    Attributes:
        era: Of the world that has come back; None: of none.
        said: How well the newest questions can be told from its own.
        wait: Whether more questions are needed to know.
    """

    era: Era | None = None
    said: str = ""
    wait: bool = False


async def with_reference(
    occasion: Occasion, alarms: list[Raised], reference: Reference | None
) -> Auc | None:
    """Return the batch test of the questions since the change; None if it is not its time."""
    mine = [alarm for alarm in alarms if alarm.family == "input"]
    if reference is None or not mine:
        return None
    since = min(utc(alarm.onset) for alarm in mine)
    limit = occasion.policy.drift.batch_events
    _, new = await store.newest(occasion.session, occasion.row, since, limit)
    seed = occasion.row.events
    if not deciding.wants_test(mine, seed, len(new)):
        return None
    return await asyncio.to_thread(batch.compare, reference.points, new, seed)


async def with_older(occasion: Occasion, alarms: list[Raised], references: References) -> Older:
    """Compare the questions since the change with the worlds of before."""
    row, policy = occasion.row, occasion.policy.drift
    known = await eras.worlds(occasion)
    found = {
        id: reference.points
        for id in known
        if (reference := await references.get(occasion.session, row.tenant, row.route, id))
    }
    since = max(utc(alarm.onset) for alarm in alarms)
    _, new = await store.newest(occasion.session, row, since, policy.match_events)
    seen = await asyncio.to_thread(worlds.match, found, new, policy, row.events)
    if seen.world is None or seen.auc is None:
        return Older(wait=seen.wait)
    said = f"AUC {seen.auc.value:.2f}, under {policy.match_auc:.2f}"
    return Older(known[seen.world], said)


def told(auc: Auc | None, policy: DriftPolicy) -> BatchTest | None:
    if auc is None:
        return None
    return BatchTest(name=CLASSIFIER, value=auc.value, low=auc.low, new=auc.new, needed=policy.auc)

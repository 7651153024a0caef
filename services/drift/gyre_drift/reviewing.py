"""What a person says of a proposed remedy, and what becomes of one that nobody has answered."""

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from gyre_drift import store
from gyre_drift.occasion import Occasion, positions
from gyre_drift.watching.deciding import Case
from gyre_drift.watching.watch import Watch
from gyre_events import Event, RemedyRequested, RemedyReviewed


async def reviewed(occasion: Occasion, watch: Watch, event: RemedyReviewed) -> list[Event]:
    """Return what comes of a review at once. What is approved is asked for as soon as it may be."""
    for case in watch.cases.values():
        if case.proposed and case.remedy_id == event.remedy_id:
            break
    else:  # it has lapsed, or was answered
        return []
    if event.approved:
        watch.cases[case.cause] = replace(case, held="", approved_by=event.by)
        return []
    watch.cases[case.cause] = replace(case, held="", remedy_id=None, tried=case.tried + 1)
    said = {"state": "refused", "by": event.by, "reason": event.reason or "no reason was given"}
    return [await _told(occasion, watch, event.remedy_id, said)]


async def lapsed(occasion: Occasion, watch: Watch, cases: Iterable[Case]) -> list[Event]:
    """Return that a proposal does not stand any more, of each case that has one."""
    said = {"state": "lapsed", "reason": "what had moved is calm again"}
    return [
        await _told(occasion, watch, case.remedy_id, said)
        for case in cases
        if case.proposed and case.remedy_id is not None
    ]


async def _told(
    occasion: Occasion, watch: Watch, remedy_id: UUID, said: dict[str, str]
) -> RemedyRequested:
    proposal = await store.remedy(occasion.session, occasion.row, remedy_id)
    at = {"decided_at": occasion.cause.appended, "positions": positions(watch)}
    return proposal.model_copy(update=said | at)

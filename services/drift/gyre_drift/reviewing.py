"""What a person says of a proposed remedy, and what becomes of one that nobody has answered."""

from collections.abc import Iterable
from dataclasses import replace

from gyre_drift import store
from gyre_drift.occasion import Occasion, positions
from gyre_drift.watching.deciding import APPROVAL, Case
from gyre_drift.watching.watch import Watch
from gyre_events import Event, RemedyRequested, RemedyReviewed

PROPOSED = "proposed"


async def reviewed(occasion: Occasion, watch: Watch, event: RemedyReviewed) -> list[Event]:
    """Return what comes of a review at once. What is approved is asked for as soon as it may be."""
    for case in watch.cases.values():
        if case.proposed and case.remedy_id == event.remedy_id and not case.approved_by:
            break
    else:  # it has lapsed, or was answered
        return []
    if event.approved:
        held = "" if case.held == APPROVAL else case.held
        watch.cases[case.cause] = replace(case, held=held, approved_by=event.by)
        return []
    watch.cases[case.cause] = replace(case.without(), tried=(*case.tried, case.remedy))
    said = {"state": "refused", "by": event.by, "reason": event.reason or "no reason was given"}
    return [
        _told(occasion, watch, proposal, said)
        for proposal in await _proposals(occasion)
        if proposal.remedy_id == event.remedy_id
    ]


async def lapsed(occasion: Occasion, watch: Watch, cases: Iterable[Case]) -> list[Event]:
    """Return that what was proposed in these cases does not stand any more."""
    over = {case.remedy_id for case in cases if case.proposed}
    return [
        _lapsed(occasion, watch, proposal)
        for proposal in (await _proposals(occasion) if over else [])
        if proposal.remedy_id in over
    ]


async def orphaned(occasion: Occasion, watch: Watch) -> list[Event]:
    """Return that what was proposed before there was this watch does not stand any more."""
    return [_lapsed(occasion, watch, proposal) for proposal in await _proposals(occasion)]


async def _proposals(occasion: Occasion) -> list[RemedyRequested]:
    """Return the route's remedies of which nothing further than a proposal was said."""
    row = occasion.row
    last: dict[object, RemedyRequested] = {}
    for event in await store.remedies(occasion.session, row.tenant, row.route):
        before = last.get(event.remedy_id)
        # What holds it meanwhile takes nothing back.
        if event.state != "held" or before is None or before.state != PROPOSED:
            last[event.remedy_id] = event
    return [event for event in last.values() if event.state == PROPOSED]


def _lapsed(occasion: Occasion, watch: Watch, proposal: RemedyRequested) -> Event:
    said = {"state": "lapsed", "reason": "what it was proposed for counts no more"}
    return _told(occasion, watch, proposal, said)


def _told(
    occasion: Occasion, watch: Watch, proposal: RemedyRequested, said: dict[str, str]
) -> Event:
    at = {"decided_at": occasion.cause.appended, "positions": positions(watch)}
    return proposal.model_copy(update=said | at)

"""The console's pages of the loop."""

from uuid import UUID

import httpx
import pytest
from faststream.kafka import KafkaBroker

from gyre_events import DriftDetected, RemedyReviewed
from gyre_gateway.console.loop_pages import SHOWN
from gyre_gateway.store.alarms import Alarm
from gyre_rpc.registry.v1.registry_pb2 import Rollout
from gyre_service.database import transaction

from . import events
from .conftest import Stack
from .fakes import ROLLOUT
from .test_console import NASTY, browser, csrf, sign_in
from .test_handlers import broker
from .test_loop import progress, remedy, training

__all__ = ["broker", "browser"]


async def test_drift_shows_curves_alarms_and_decisions_as_text(
    browser: httpx.AsyncClient, broker: KafkaBroker
) -> None:
    alarm = DriftDetected(
        drift_id=events.ANSWER,
        route="default",
        family="input",
        detector="novelty",
        statistic=60,
        threshold=50,
        events=310,
        onset=events.START,
        examples=(NASTY,),
        decided_at=events.START,
    )
    wanted = remedy(examples=("Where is the crane?",))
    for event in (alarm, wanted, training()[0]):
        await events.send(broker, event)
    await sign_in(browser)

    page = (await browser.get("/drift")).text

    assert 'points="0.0,58.8 320.0,57.6"' in page
    assert 'class="limit"' in page
    assert "60.00 over 50.00 after 310 events" in page
    assert "training asked for: novelty" in page
    assert "documents-wanted" in page
    assert "What has moved: input" in page
    assert "10% before, 50% now: When?" in page
    assert page.count('<g class="moved">') == 2
    assert "Where is the crane?" in page
    assert NASTY not in page


async def test_an_alarm_of_an_earlier_release_is_shown(
    browser: httpx.AsyncClient, stack: Stack
) -> None:
    event = {
        "drift_id": str(events.ANSWER),
        "route": "default",
        "family": "input",
        "detector": "novelty",
        "statistic": 60.0,
        "threshold": 50.0,
        "size": 1.5,
        "events": 310,
        "onset": events.START.isoformat(),
        "decided_at": events.START.isoformat(),
    }
    row = Alarm(
        tenant="default",
        drift_id=events.ANSWER,
        route="default",
        event=event,
        time=events.START,
    )
    async with transaction(stack.sessions) as session:
        session.add(row)
    await sign_in(browser)

    assert "after 310 events, moved by 1.50" in (await browser.get("/drift")).text


async def test_a_job_shows_its_curve(browser: httpx.AsyncClient, broker: KafkaBroker) -> None:
    for event in (progress(1, 3), progress(2, 1.5)):
        await events.send(broker, event)
    await sign_in(browser)

    page = (await browser.get("/jobs")).text

    assert "step 2 of 20, loss 1.500" in page
    assert 'points="0.0,0.0 320.0,30.0"' in page
    assert "waits for enough corrected examples" not in page
    await sign_in(browser, "acme-key")
    assert "step 2 of 20" not in (await browser.get("/jobs")).text


async def test_a_rollout_can_be_taken_back_from_its_page(
    browser: httpx.AsyncClient, stack: Stack
) -> None:
    await sign_in(browser)
    page = (await browser.get("/rollouts")).text
    assert "no harm is shown" in page
    assert "0.01 to 0.30" in page
    path = f"/rollouts/{ROLLOUT.rollout_id}/rollback"
    form = {"reason": "I do not like it", "csrf": await csrf(browser, "/rollouts")}

    response = await browser.post(path, data=form)

    assert (response.status_code, response.headers["location"]) == (303, "/rollouts")
    [asked] = stack.registry.decided
    assert (asked.rollout_id, asked.reason) == (ROLLOUT.rollout_id, "I do not like it")


async def test_what_waits_or_serves_is_shown_however_old_it_is(
    browser: httpx.AsyncClient, broker: KafkaBroker, stack: Stack
) -> None:
    await events.send(broker, remedy(state="proposed"))
    for number in range(100, 100 + SHOWN):
        await events.send(broker, remedy(remedy_id=UUID(int=number), decided_at=events.at(1)))
    old = ["canary", "rejected", "production"]
    stages = ["rejected"] * SHOWN + old
    stack.registry.rollouts = [
        Rollout(rollout_id=f"{n}-{stage}", stage=stage, changed_at=ROLLOUT.changed_at)
        for n, stage in enumerate(stages)
    ]
    await sign_in(browser)

    assert f"/remedies/{remedy().remedy_id}/approve" in (await browser.get("/drift")).text
    page = (await browser.get("/rollouts")).text
    assert page.count('<div class="paper">') == SHOWN + 2
    assert [f"/rollouts/{SHOWN + n}-{old[n]}/rollback" in page for n in (0, 2)] == [True, True]


@pytest.mark.parametrize("act", ["approve", "refuse"])
async def test_a_proposed_remedy_is_reviewed_on_its_page(
    browser: httpx.AsyncClient, broker: KafkaBroker, stack: Stack, act: str
) -> None:
    await events.send(broker, remedy(state="proposed"))
    await sign_in(browser)
    path = f"/remedies/{remedy().remedy_id}/{act}"
    assert path in (await browser.get("/drift")).text
    assert (await browser.post(path, data={"csrf": "0" * 64})).status_code == 403
    assert stack.kafka.sent == []

    response = await browser.post(
        path, data={"reason": "so\r\nbe it", "csrf": await csrf(browser, "/drift")}
    )

    assert (response.status_code, response.headers["location"]) == (303, "/drift")
    [(event, *_)] = stack.kafka.sent
    assert isinstance(event, RemedyReviewed)
    assert (event.approved, event.reason) == (act == "approve", "so\nbe it")


@pytest.mark.parametrize("act", ["promote", "rollback"])
async def test_another_site_decides_nothing(
    browser: httpx.AsyncClient, stack: Stack, act: str
) -> None:
    await sign_in(browser)
    response = await browser.post(f"/rollouts/{ROLLOUT.rollout_id}/{act}", data={"csrf": "0" * 64})
    assert response.status_code == 403
    assert stack.registry.decided == []

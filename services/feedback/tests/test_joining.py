"""Feedback finds its answer, once, whichever comes first and however often."""

import pytest

from gyre_events import ExampleCurated, Purpose
from gyre_feedback import handlers, store
from gyre_service.database import Sessions, snapshot
from gyre_service.errors import Unavailable

from .conftest import Published, Send, answer, feedback


async def test_a_verdict_repeats_its_answer_and_follows_from_the_feedback(
    send: Send, published: Published
) -> None:
    given = answer()
    said = feedback(given, score=0.4, comment="not quite")
    await send(given)

    await send(said, ce_correlationid="chain-1")

    [verdict] = published.verdicts
    for name in ("answer_id", "conversation_id", "person", "route", "arm", "rollout_id"):
        assert getattr(verdict, name) == getattr(given, name)
    assert (verdict.latency_s, verdict.cost_usd, verdict.completion_tokens) == (0.5, 0.01, 4)
    assert (verdict.by, verdict.score, verdict.comment) == ("ada", 0.4, "not quite")
    assert verdict.feedback_id == said.feedback_id
    [seen] = published
    assert seen.key == b"acme/default"
    assert seen.headers["ce_causationid"] == f"event-{said.feedback_id}"
    assert seen.headers["ce_correlationid"] == "chain-1"
    assert seen.headers["ce_time"] == "2026-01-01T00:00:00Z"


async def test_a_blank_correction_corrects_nothing(send: Send, published: Published) -> None:
    given = answer()
    await send(given)

    await send(feedback(given, thumb="up", edited_answer=" \n"))

    [verdict] = published.verdicts
    assert (verdict.thumb, verdict.edited_answer, verdict.edit_distance) == ("up", None, None)


async def test_feedback_that_comes_first_waits_for_its_answer(
    send: Send, published: Published, sessions: Sessions
) -> None:
    given = answer()
    for minute, said in enumerate(({"thumb": "up"}, {"person": "bob", "comment": "yes"})):
        await send(feedback(given, **said), ce_time=f"2026-01-01T00:0{minute}:00Z")
    assert published == []
    async with snapshot(sessions) as session:
        assert await store.count_waiting(session) == 2

    await send(given)

    assert [seen.headers["ce_type"] for seen in published] == [
        "gyre.verdict-recorded",
        "gyre.example-curated",
        "gyre.verdict-recorded",
    ]
    assert {seen.headers["ce_causationid"] for seen in published} == {f"event-{given.answer_id}"}
    assert len({seen.id for seen in published}) == 3
    async with snapshot(sessions) as session:
        assert await store.count_waiting(session) == 0


async def test_a_redelivery_publishes_the_same_again(send: Send, published: Published) -> None:
    given, early, late = answer(), answer(), {"thumb": "up", "person": "bob"}
    waiting = [feedback(early), feedback(early, comment="well", person="bob")]
    events = [
        *waiting,
        early,
        given,
        feedback(given),
        feedback(given, edited_answer="3"),
        feedback(early, **late),
    ]
    for event in events:
        await send(event)
    once = list(published)

    for _ in range(2):
        for event in events:
            await send(event)

    assert len(once) == 8
    assert published.facts == [(seen.id, seen.key, seen.event) for seen in once]
    assert len(published) == 3 * len(once)


async def test_one_event_sent_ten_times_counts_once(
    send: Send, published: Published, sessions: Sessions
) -> None:
    given = answer()
    said = feedback(given)
    for _ in range(5):
        await send(said, ce_id="review-1")
    await send(given)
    for _ in range(5):
        await send(said, ce_id="review-1")

    assert len(published.facts) == 2
    async with snapshot(sessions) as session:
        assert len(await store.feedback_on(session, "acme", given.answer_id)) == 1
        [version] = await store.versions_of(session, "acme", "default")
    assert version.examples == 1


async def test_the_same_feedback_under_another_event_id_counts_once(
    send: Send, published: Published
) -> None:
    given = answer()
    said = feedback(given)
    await send(given)
    await send(said, ce_id="review-1")

    await send(said, ce_id="review-2")
    await send(feedback(given, comment="another"), ce_id="review-1")  # an id used twice

    assert [verdict.feedback_id for verdict in published.verdicts] == [said.feedback_id] * 2
    assert len(published.facts) == 2


async def test_sources_may_use_the_same_event_ids(send: Send, published: Published) -> None:
    given = answer()
    await send(given)

    await send(feedback(given), ce_id="1", ce_source="/shop")
    await send(feedback(given), ce_id="1", ce_source="/app")

    assert len(published.verdicts) == 2


@pytest.mark.parametrize("purpose", [p for p in Purpose if p is not Purpose.LIVE])
async def test_only_live_answers_get_verdicts(
    send: Send, published: Published, sessions: Sessions, purpose: Purpose
) -> None:
    given = answer(purpose=purpose)
    await send(feedback(given))

    await send(given)
    await send(feedback(given, edited_answer="four"))

    assert published == []
    async with snapshot(sessions) as session:
        assert await store.count_waiting(session) == 2
        assert await store.versions_of(session, "acme", "default") == []


async def test_tenants_that_share_every_id_share_nothing_else(
    send: Send, published: Published, sessions: Sessions
) -> None:
    given = answer()
    said = feedback(given)
    await send(given, ce_tenant="acme")
    await send(said, ce_tenant="shop")
    assert published == []

    await send(said, ce_tenant="acme")
    await send(given.model_copy(update={"answer": "5 years [1]"}), ce_tenant="shop")

    assert [seen.key for seen in published] == [b"acme/default"] * 2 + [b"shop/default"] * 2
    assert [example.answer for example in published.examples] == ["3 years [1]", "5 years [1]"]
    acme, shop = published.examples
    assert acme.example_id != shop.example_id
    assert (acme.examples, shop.examples) == (1, 1)
    assert len({seen.id for seen in published}) == 4
    async with snapshot(sessions) as session:
        for tenant in ("acme", "shop"):
            [version] = await store.versions_of(session, tenant, "default")
            assert version.examples == 1


async def test_a_publish_that_fails_is_made_up_for_by_the_next_attempt(
    send: Send, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = answer()
    await send(given)
    publish, failures = handlers.curated.publish, iter((Unavailable("Kafka is away"),))

    async def failing(event: ExampleCurated) -> None:
        if (error := next(failures, None)) is not None:
            raise error
        await publish(event)

    monkeypatch.setattr(handlers.curated, "publish", failing)

    await send(feedback(given))

    assert len(published) == 3  # the verdict twice
    assert len(published.facts) == 2


async def test_an_answer_that_broke_off_gets_no_verdict_and_waits_for_the_whole_one(
    send: Send, published: Published
) -> None:
    whole = answer()
    broken = {"answer": "3", "broken_off": True, "finish_reason": "cancelled"}
    await send(whole.model_copy(update=broken), ce_id="attempt")
    await send(feedback(whole))
    assert published == []

    await send(whole)

    [example] = published.examples
    assert (len(published.verdicts), example.answer) == (1, whole.answer)

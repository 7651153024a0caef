from datetime import UTC, datetime

import pytest
from faststream.kafka import KafkaBroker
from sqlmodel import select

from gyre_evaluation import store
from gyre_evaluation.clients.retrieval import Encoder
from gyre_evaluation.scoring import JUDGE, Encoding
from gyre_evaluation.work import Shadow
from gyre_events import Policy, Purpose, ReleasePolicy, RolloutChanged, Score
from gyre_events.answers import OfAnswer
from gyre_service.database import Sessions, snapshot, transaction
from gyre_service.errors import Unavailable
from gyre_service.kafka import Table

from .conftest import FakeRetrieval, Published, Send, answer, put, rollout

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def test_an_answer_is_scored(send: Send, published: list[Published]) -> None:
    event = answer()

    await send(event)

    (found,) = published
    assert found.event.judge == JUDGE
    assert found.values() == {
        "refusal": 0,
        "length_words": 6,
        "citation_valid": 1,
        "cites": 1,
        "groundedness_overlap": 1,
        "groundedness_embedding": pytest.approx(1, abs=1e-3),
        "numbers_supported": 1,
    }


async def test_the_scores_repeat_what_the_answer_said_of_itself(
    send: Send, published: list[Published]
) -> None:
    event = answer(arm="canary", revision=3)

    await send(event)

    (found,) = published
    for name in OfAnswer.model_fields:
        assert getattr(found.event, name) == getattr(event, name), name
    assert found.key == b"acme/default"  # one stream a tenant and route
    assert found.headers["ce_causationid"] == str(event.answer_id)
    assert found.headers["ce_time"] == "2026-01-01T00:00:00Z"


async def test_a_redelivered_answer_publishes_the_same_again(
    send: Send, published: list[Published], retrieval: FakeRetrieval
) -> None:
    event = answer()
    await send(event)
    await send(event)

    first, second = published
    assert first == second
    assert first.headers["ce_id"] == second.headers["ce_id"]
    assert len(retrieval.calls) == 1


async def test_a_redelivered_answer_publishes_the_same_after_the_policy_changed(
    send: Send, published: list[Published], rollouts: Table[RolloutChanged]
) -> None:
    event = answer()
    await send(event)
    put(rollouts, "acme", rollout(policy=Policy(sample=0)))

    await send(event)

    first, second = published
    assert first == second


async def test_tenants_that_share_an_event_id_and_an_answer_id_share_nothing_else(
    send: Send, published: list[Published], retrieval: FakeRetrieval
) -> None:
    event = answer()
    await send(event)
    await send(
        event.model_copy(update={"answer": "It has three levels [2]."}), ce_tenant="umbrella"
    )

    acme, umbrella = published
    assert (acme.key, umbrella.key) == (b"acme/default", b"umbrella/default")
    assert acme.headers["ce_id"] != umbrella.headers["ce_id"]
    assert acme.values()["length_words"] == 6
    assert umbrella.values()["length_words"] == 4
    assert [tenant for tenant, _ in retrieval.calls] == ["acme", "umbrella"]


@pytest.mark.parametrize("purpose", ["live", "shadow"])
async def test_what_was_made_while_search_was_away_is_not_judged(
    send: Send, published: list[Published], purpose: str
) -> None:
    await send(answer(no_context=True, refused=True, passages=(), purpose=purpose))

    assert published == []


async def test_a_policy_holds_for_its_own_tenant_only(
    send: Send, published: list[Published], rollouts: Table[RolloutChanged]
) -> None:
    put(rollouts, "acme", rollout(policy=Policy(sample=0)))
    event = answer()

    await send(event)
    await send(event, ce_tenant="umbrella")

    assert [found.headers["ce_tenant"] for found in published] == ["umbrella"]


@pytest.mark.parametrize("purpose", [*Purpose])
async def test_only_live_and_shadow_answers_are_scored(
    send: Send, published: list[Published], purpose: Purpose
) -> None:
    await send(answer(purpose=purpose))

    wanted = purpose in (Purpose.LIVE, Purpose.SHADOW)
    assert [found.event.purpose for found in published] == [purpose] * wanted


async def test_every_shadow_is_scored_whatever_the_sample(
    send: Send, published: list[Published], rollouts: Table[RolloutChanged]
) -> None:
    put(rollouts, "acme", rollout(policy=Policy(sample=0)))

    await send(answer(purpose=Purpose.SHADOW))

    assert len(published) == 1


async def test_an_absent_encoder_is_asked_again(
    send: Send, published: list[Published], retrieval: FakeRetrieval
) -> None:
    retrieval.failures = 2

    await send(answer())

    assert len(retrieval.calls) == 3
    assert len(published) == 1


async def test_while_the_encoder_is_away_nothing_is_stored_or_published(
    send: Send, published: list[Published], retrieval: FakeRetrieval, sessions: Sessions
) -> None:
    retrieval.failures = 99
    event = answer()

    with pytest.raises(Unavailable, match="retrieval: the encoder is loading"):
        await send(event)

    assert published == []
    async with transaction(sessions) as session:
        assert await store.get_scores(session, "acme", event.answer_id, JUDGE) is None


async def test_half_a_vector_is_parked_and_gives_no_score(
    send: Send, published: list[Published], retrieval: FakeRetrieval, parked: list[str]
) -> None:
    retrieval.cut = 4

    await send(answer())

    assert published == []
    (reason,) = parked
    assert "20 bytes, expected 24 (3 texts of dimension 2, float32)" in reason


async def test_a_race_for_the_row_is_tried_again_and_finds_the_row(
    send: Send,
    published: list[Published],
    sessions: Sessions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    event = answer()
    theirs = (Score(name="refusal", value=0.25),)
    embed = Encoder.embed
    raced: list[str] = []

    async def overtaken(self: Encoder, texts: list[str], tenant: str, purpose: Purpose) -> Encoding:
        """Let another replica write between our read and our write."""
        raced.append(tenant)
        async with transaction(sessions) as session:
            store.add_scores(session, tenant, event.answer_id, JUDGE, theirs, NOW)
        return await embed(self, texts, tenant, purpose)

    monkeypatch.setattr(Encoder, "embed", overtaken)

    await send(event)

    assert raced == ["acme"]
    assert published[0].event.scores == theirs


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"ce_type": "gyre.something-else"}, "ce_type is gyre.something-else"),
        ({"ce_tenant": "a/b"}, "a tenant's name has no slash"),
        ({"ce_time": "yesterday"}, "expected RFC 3339"),
    ],
)
async def test_what_is_no_event_is_parked(
    send: Send,
    published: list[Published],
    parked: list[str],
    headers: dict[str, str],
    reason: str,
) -> None:
    await send(answer(), **headers)

    assert published == []
    assert reason in parked[0]


async def test_what_is_no_answer_is_parked(
    broker: KafkaBroker, published: list[Published], parked: list[str]
) -> None:
    headers = {"ce_specversion": "1.0", "ce_id": "1", "ce_source": "/x"}
    headers["ce_type"] = "gyre.answer-generated"

    await broker.publish(b'{"answer_id": 1}', topic="answer-generated", headers=headers)

    assert published == []
    assert "answer_id" in parked[0]


async def test_an_answer_that_broke_off_is_neither_scored_nor_put_to_a_candidate(
    send: Send,
    published: list[Published],
    rollouts: Table[RolloutChanged],
    sessions: Sessions,
) -> None:
    put(rollouts, "acme", rollout("canary", Policy(release=ReleasePolicy(shadow=1))))
    broken = answer(answer="The tower", broken_off=True, finish_reason="cancelled")
    await send(broken)
    await send(broken.model_copy(update={"purpose": Purpose.SHADOW, "finish_reason": "failed"}))

    assert published == []
    async with snapshot(sessions) as session:
        assert (await session.exec(select(Shadow))).all() == []


async def test_an_answer_that_comes_whole_after_it_broke_off_is_scored(
    send: Send, published: list[Published]
) -> None:
    event = answer()
    await send(event.model_copy(update={"answer": "The", "broken_off": True}))
    await send(event)

    (found,) = published
    assert found.values()["length_words"] == 6

"""What is wrong with an event is said, and the next one goes on."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from gyre_feedback.settings import Settings
from gyre_service.errors import Unavailable

from .conftest import Published, Send, answer, feedback


def said(**changes: Any) -> bytes:
    value = {"feedback_id": str(uuid4()), "answer_id": str(uuid4()), "thumb": "up"}
    return json.dumps({k: v for k, v in (value | changes).items() if v != ""}).encode()


def occupy(folder: str) -> Path:
    """Put a file where a folder should be, and return it."""
    path = Path(folder)
    path.write_text("a file")
    return path


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"not json", "Expecting value"),
        (b"[]", ""),
        (said(thumb=""), "give at least one of thumb, score, comment and edited_answer"),
        (said(thumb="sideways"), "'up' or 'down'"),
        (said(score=1.5), "less than or equal to 1"),
        (said(answer_id="2"), "UUID"),
        (said(feedback_id=None), "UUID"),
        (said(answer_id=""), "answer_id"),
        (said(edited_answer="x" * 20_001), "at most 20000 characters"),
        (said(person="x" * 201), "at most 200 characters"),
        (said(comment="\ud800"), "unicode"),
    ],
)
async def test_a_malformed_feedback_is_parked_with_its_reason(
    send: Send, published: Published, parked: list[str], body: bytes, reason: str
) -> None:
    await send(body)

    [why] = parked
    assert reason in why
    given = answer()
    await send(given)
    await send(feedback(given))
    assert len(published.verdicts) == 1


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"ce_id": None}, "header ce_id is missing or empty"),
        ({"ce_source": ""}, "header ce_source is missing or empty"),
        ({"ce_type": "gyre.answer-scored"}, "expected gyre.feedback-given"),
        ({"ce_time": "yesterday"}, "expected RFC 3339"),
        ({"ce_tenant": "a/b"}, "a tenant's name has no slash"),
    ],
)
async def test_a_wrong_envelope_is_parked_with_its_reason(
    send: Send, published: Published, parked: list[str], headers: dict[str, Any], reason: str
) -> None:
    given = answer()
    await send(given)

    await send(feedback(given), **headers)

    [why] = parked
    assert reason in why
    assert published == []


async def test_on_an_ingress_topic_the_topic_names_the_tenant(
    send: Send, published: Published
) -> None:
    given = answer()
    await send(given, ce_tenant="acme")
    await send(given, ce_tenant="umbrella")

    await send(feedback(given), topic="feedback-given.umbrella", ce_tenant="acme")
    await send(feedback(given), topic="feedback-given.shop", ce_tenant="acme")

    assert {seen.key for seen in published} == {b"umbrella/default"}


async def test_on_an_ingress_topic_nobody_speaks_as_one_of_us(
    send: Send, published: Published, parked: list[str]
) -> None:
    given = answer()
    await send(given, ce_tenant="umbrella")

    await send(feedback(given), topic="feedback-given.umbrella", ce_source="/gyre/gateway")

    [why] = parked
    assert "only our own begin with /gyre/" in why
    assert published == []


async def test_an_answer_that_cannot_be_read_is_parked(
    send: Send, published: Published, parked: list[str]
) -> None:
    await send(b'{"answer_id": 1}', topic="answer-generated", ce_type="gyre.answer-generated")

    [why] = parked
    assert "answer_id" in why


async def test_without_a_place_for_blobs_feedback_waits_and_nothing_is_half_done(
    send: Send, published: Published, parked: list[str], settings: Settings
) -> None:
    given = answer()
    said = feedback(given)
    await send(given)
    in_the_way = occupy(settings.blob_url)

    with pytest.raises(Unavailable, match="blob folder"):
        await send(said)
    assert (published, parked) == ([], [])

    in_the_way.unlink()
    await send(said)
    assert len(published.examples) == 1

"""What a training never sees becomes a suite."""

import itertools
import json
import re
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest

from gyre_evaluation import store
from gyre_evaluation.matching import is_right
from gyre_evaluation.settings import Settings
from gyre_evaluation.suites import Item, Suite, suites_of
from gyre_evaluation.suites.content import MAX_ITEMS
from gyre_events import Dataset, DatasetFrozen
from gyre_service.blobs import Blobs
from gyre_service.database import Sessions, snapshot
from gyre_service.errors import Rejected
from gyre_service.ids import now

from .client import Client, status
from .conftest import DIGEST, Send
from .test_reading import GOOD

LONG = "The lamp of the north tower is blue, it was painted by Ada and it is cleaned every week"


NUMBERS = itertools.count(1)


def example(answer: str = "blue / [1]", **changes: Any) -> dict[str, Any]:
    """Return what somebody said of an answer to a question that nobody else has asked."""
    passage = {"document": "lamp.md", "page": None, "text": "The lamp is blue.", "score": 0.5}
    question = f"Which colour has lamp {next(NUMBERS)}?"
    content = {"id": str(uuid4()), "question": question, "passages": [passage]}
    return content | {"answer": answer, "kind": "edited"} | changes


def items_of(contents: list[dict[str, Any]]) -> list[tuple[Item, ...]]:
    return [suite.items for suite in suites_of(uuid4(), "default", contents)]


def test_what_was_praised_is_a_suite_of_its_own() -> None:
    job_id, contents = uuid4(), [example(), example(kind="praised"), example(kind="praised")]
    moved, praised = suites_of(job_id, "default", contents)
    assert (moved.name, len(moved.items)) == (f"moved/{job_id}", 1)
    assert (praised.name, len(praised.items)) == (f"moved/praised-{job_id}", 2)


def test_a_replica_of_an_earlier_release_lists_what_is_stored() -> None:
    for suite in suites_of(uuid4(), "default", [example(), example(kind="praised")]):
        assert re.search(r"^(moved/)?[a-z0-9][a-z0-9-]{0,62}$", suite.name)


def test_a_short_answer_has_to_be_exactly_the_wanted_one() -> None:
    [[item]] = items_of([example()])
    assert (item.match, item.expected, item.passages[0].text) == (
        "exact",
        ("blue / [1]",),
        "The lamp is blue.",
    )


def test_of_a_long_one_most_words_are_enough() -> None:
    [[item]] = items_of([example(LONG)])
    assert item.match == "like"


@pytest.mark.parametrize(
    ("said", "match", "right"),
    [
        ("blue / [1]", "exact", True),
        ("blue  /\n[1]", "exact", True),
        ("blue [1]", "exact", False),
        ("blue / [2]", "exact", False),
        (LONG.replace("every week", "often"), "like", True),
        ("The lamp is green", "like", False),
        ("I think it is blue / [1].", "contained", True),
    ],
)
def test_matching(said: str, match: Any, right: bool) -> None:
    assert is_right(said, [LONG if match == "like" else "blue / [1]"], match) is right


def test_examples_without_evidence_are_left_out() -> None:
    [items] = items_of([example(passages=[]), example()])
    assert len(items) == 1


@pytest.mark.parametrize("kind", ["edited", "praised"])
def test_what_was_said_eight_times_is_asked_once(kind: str) -> None:
    said = [
        example(f"{' ' * n}Blue", question=f"which{' ' * n} colour?", kind=kind) for n in (1, 2)
    ]
    said += [example("blue", question="Which colour?", kind=kind) for _ in range(6)]
    other = [example("red", question="Which colour?", kind=kind), example("blue", kind=kind)]

    [items] = items_of([*said, *other])

    assert [item.id for item in items] == [one["id"] for one in (said[0], *other)]


def test_an_example_that_is_too_long_does_not_cost_the_others() -> None:
    wrong = [example("word " * 4_000), example(question="?" * 4_001), example(" ")]
    [[item]] = items_of([*wrong, example()])
    assert item.expected == ("blue / [1]",)


def test_a_holdout_of_many_is_a_suite_of_the_first() -> None:
    contents = [example() for _ in range(MAX_ITEMS + 1)]
    [items] = items_of(contents)
    assert [item.id for item in items] == [content["id"] for content in contents[:-1]]


@pytest.mark.parametrize(
    "contents", [[], [example(passages=[])], [{"passages": [1]}], [example(answer="")]]
)
def test_what_makes_no_suite_is_refused(contents: list[dict[str, Any]]) -> None:
    with pytest.raises(Rejected, match="makes no suite"):
        items_of(contents)


async def frozen(settings: Settings, examples: int, job_id: UUID) -> DatasetFrozen:
    blobs = Blobs(settings.blob_url)
    rows = []
    for _ in range(examples):
        content = example()
        digest = await blobs.put(json.dumps(content).encode())
        rows.append({"id": content["id"], "digest": digest})
    manifest = await blobs.put(json.dumps({"route": "default", "examples": rows}).encode())
    part = Dataset(digest=DIGEST, examples=5)
    return DatasetFrozen(
        job_id=job_id,
        route="default",
        train=part,
        holdout=Dataset(digest=manifest, examples=examples),
        replay=part,
        decided_at=now(),
    )


async def suites(sessions: Sessions, tenant: str) -> list[Suite]:
    async with snapshot(sessions) as session:
        return await store.newest_suites(session, tenant)


async def test_a_frozen_holdout_is_a_suite_of_its_tenant(
    send: Send, settings: Settings, sessions: Sessions
) -> None:
    job_id = uuid4()
    event = await frozen(settings, 3, job_id)

    await send(event)
    await send(event)

    [suite] = await suites(sessions, "acme")
    assert (suite.name, len(suite.items)) == (f"moved/{job_id}", 3)
    assert await suites(sessions, "umbrella") == []


async def test_a_missing_blob_is_parked(
    send: Send, settings: Settings, sessions: Sessions, parked: list[str]
) -> None:
    event = await frozen(settings, 1, uuid4())
    missing = Dataset(digest="c" * 64, examples=1)

    await send(event.model_copy(update={"holdout": missing}))

    assert "there is no blob" in parked[0]
    assert await suites(sessions, "acme") == []


@pytest.mark.parametrize("begin", ["moved/", "moved/praised-"])
async def test_nobody_writes_such_a_suite(client: Client, begin: str) -> None:
    code, details = await status(client.put(GOOD.replace("golden", f"{begin}{uuid4()}")))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "are made of frozen datasets" in details

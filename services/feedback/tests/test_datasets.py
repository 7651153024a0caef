"""What people say becomes a dataset, whose versions are named by their content."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gyre_events import ExampleCurated
from gyre_feedback import store
from gyre_feedback.editing import edit_distance
from gyre_feedback.manifest import canonical, digest, manifest
from gyre_feedback.settings import Settings
from gyre_feedback.tables import DatasetVersion
from gyre_service.database import Sessions, snapshot

from .conftest import Published, Send, answer, feedback

Blob = Callable[[str], Any]


async def versions(sessions: Sessions, tenant: str = "acme") -> list[DatasetVersion]:
    async with snapshot(sessions) as session:
        return await store.versions_of(session, tenant, "default")


async def digests(sessions: Sessions) -> list[str]:
    """Return the digests of the dataset's examples."""
    async with snapshot(sessions) as session:
        return list((await store.examples_of(session, "acme", "default")).values())


def blobs(settings: Settings) -> int:
    return sum(path.is_file() for path in Path(settings.blob_url).rglob("*"))


async def test_a_praised_answer_is_an_example_of_a_dataset(
    send: Send, published: Published, sessions: Sessions, blob: Blob
) -> None:
    given = answer()
    await send(given)

    await send(feedback(given))

    [example] = published.examples
    assert (example.kind, example.answer, example.question) == (
        "praised",
        given.answer,
        given.question,
    )
    assert example.passages == given.passages
    assert example.examples == 1
    [name] = await digests(sessions)
    content = blob(name)
    assert digest(canonical(content)) == name
    assert (content["answer"], content["conversation_id"]) == (
        given.answer,
        str(given.conversation_id),
    )
    [version] = await versions(sessions)
    assert (version.version, version.digest, version.examples) == (1, example.dataset, 1)
    assert version.digest == digest(manifest("default", {example.example_id: name}))


async def test_an_edit_replaces_what_was_praised(
    send: Send, published: Published, sessions: Sessions, blob: Blob
) -> None:
    given = answer()
    await send(given)
    await send(feedback(given))

    await send(feedback(given, edited_answer="three years [1]"))

    first, second = published.verdicts
    assert first.edit_distance is None
    assert second.edit_distance == edit_distance(given.answer, "three years [1]") > 0
    praised, edited = published.examples
    assert praised.example_id == edited.example_id
    assert (edited.kind, edited.answer, edited.examples) == ("edited", "three years [1]", 1)
    [name] = await digests(sessions)
    assert blob(name)["answer"] == "three years [1]"
    assert [version.digest for version in await versions(sessions)] == [
        praised.dataset,
        edited.dataset,
    ]


async def test_a_thumb_down_withdraws_praise_and_not_an_edit(
    send: Send, published: Published, sessions: Sessions, blob: Blob
) -> None:
    praised, edited = answer(), answer()
    for given, said in ((praised, {"thumb": "up"}), (edited, {"edited_answer": "three"})):
        await send(given)
        await send(feedback(given, **said))

    for given in (praised, edited):
        await send(feedback(given, thumb="down", person="bob"))

    assert len(published.verdicts) == 4
    kinds = [example.kind for example in published.examples]
    assert kinds == ["praised", "edited", "withdrawn"]
    assert published.examples[2].example_id == published.examples[0].example_id
    assert [row.examples for row in await versions(sessions)] == [1, 2, 1]
    [left] = await digests(sessions)
    assert blob(left)["id"] == str(published.examples[1].example_id)


async def test_a_change_writes_its_example_and_nothing_of_the_others(
    send: Send, settings: Settings
) -> None:
    for count in range(1, 5):
        given = answer()
        await send(given)
        await send(feedback(given))

        assert blobs(settings) == count


async def test_the_last_example_may_go_and_come_back_as_the_same_content(
    send: Send, published: Published, sessions: Sessions
) -> None:
    given = answer()
    await send(given)

    for minute, thumb in enumerate(("up", "down", "up")):
        await send(feedback(given, thumb=thumb), ce_time=f"2026-01-01T00:0{minute}:00Z")

    first, empty, third = await versions(sessions)
    assert (first.examples, empty.examples) == (1, 0)
    assert first.digest == third.digest
    told = [(example.kind, example.version, example.examples) for example in published.examples]
    assert told == [("praised", 1, 1), ("withdrawn", 2, 0), ("praised", 3, 1)]


async def test_what_changes_nothing_is_no_version(
    send: Send, published: Published, sessions: Sessions
) -> None:
    given = answer()
    await send(given)
    await send(feedback(given))

    for person in ("bob", "eve"):
        await send(feedback(given, thumb="up", person=person))
    await send(feedback(given, comment="thanks"))
    await send(feedback(answer(), thumb="down"))

    assert len(published.verdicts) == 4
    assert len(published.examples) == 1
    assert len(await versions(sessions)) == 1


async def test_the_version_does_not_depend_on_the_order_of_arrival(
    send: Send, published: Published, sessions: Sessions
) -> None:
    one, two = answer(), answer()
    events = [one, two, feedback(one), feedback(two, edited_answer="three")]
    for event in events:
        await send(event, ce_tenant="acme")
    for event in reversed(events):
        await send(event, ce_tenant="shop")

    def contents(tenant: str) -> set[tuple[str, str]]:
        return {
            (str(seen.event.answer_id), seen.event.answer)
            for seen in published
            if seen.key.startswith(tenant.encode()) and isinstance(seen.event, ExampleCurated)
        }

    assert contents("acme") == contents("shop")
    assert [row.examples for row in await versions(sessions)] == [1, 2]
    assert [row.examples for row in await versions(sessions, "shop")] == [1, 2]


@pytest.mark.parametrize(("counted", "settings_of"), [(3, 3), (0, 0)])
async def test_above_the_quota_a_verdict_is_recorded_and_nothing_curated(
    send: Send,
    published: Published,
    settings: Settings,
    broker: Any,
    counted: int,
    settings_of: int,
) -> None:
    broker.context.set_global(
        "settings", settings.model_copy(update={"curated_per_person_per_day": settings_of})
    )
    for _ in range(5):
        given = answer()
        await send(given)
        await send(feedback(given))
    assert [one.counts for one in published.verdicts] == [True] * counted + [False] * (5 - counted)
    assert len(published.examples) == counted

    given = answer()
    await send(given)
    await send(feedback(given, thumb="up", person="bob"))  # others have quotas of their own
    await send(feedback(given, thumb="up", person="ada"), ce_tenant="shop")
    assert len(published.examples) == counted + bool(settings_of)


async def test_a_comment_costs_no_quota(
    send: Send, published: Published, broker: Any, settings: Settings
) -> None:
    broker.context.set_global(
        "settings", settings.model_copy(update={"curated_per_person_per_day": 1})
    )
    given = answer()
    await send(given)

    for _ in range(3):
        await send(feedback(given, comment="thanks", person="ada"))
    await send(feedback(given, thumb="up", person="ada"))

    assert len(published.examples) == 1
    assert all(one.counts for one in published.verdicts)


async def test_the_next_day_has_a_quota_of_its_own_and_no_name_is_one_person(
    send: Send, published: Published, settings: Settings, broker: Any
) -> None:
    broker.context.set_global(
        "settings", settings.model_copy(update={"curated_per_person_per_day": 1})
    )
    for day in ("2026-01-01", "2026-01-01", "2026-01-02"):
        given = answer()
        await send(given)
        await send(
            feedback(given, thumb="up", person=None),
            ce_time=f"{day}T23:00:00Z",
        )

    assert len(published.examples) == 2


async def test_routes_have_datasets_of_their_own(send: Send, published: Published) -> None:
    for route in ("default", "support"):
        given = answer(route=route)
        await send(given)
        await send(feedback(given))

    assert [seen.key for seen in published][1::2] == [b"acme/default", b"acme/support"]
    assert [example.examples for example in published.examples] == [1, 1]

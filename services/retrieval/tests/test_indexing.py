import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gyre_retrieval.index import Index
from gyre_retrieval.places import Place
from gyre_retrieval.vectors import Vectors
from gyre_service.errors import Unavailable
from gyre_service.ids import derived_id

from .conftest import DOCUMENT, Bench, caused, chunk, removal


async def test_a_version_is_found_when_it_is_whole_in_any_order(bench: Bench) -> None:
    done = [await bench.take(chunk(ordinal, 3)) for ordinal in (2, 0)]
    assert await bench.find("part0 of v1") == []

    done.append(await bench.take(chunk(1, 3)))

    assert done == [False, False, True]
    assert {passage.text for passage in await bench.find("part0")} == {
        "part0 of v1",
        "part1 of v1",
        "part2 of v1",
    }


async def test_chunks_are_embedded_in_batches_as_they_come(bench: Bench) -> None:
    await bench.submit(count=10)

    assert bench.encoder.batches == [4, 4, 2]


async def test_a_redelivered_chunk_changes_nothing_and_the_last_says_so_again(
    bench: Bench,
) -> None:
    await bench.take(chunk(0, 2))
    await bench.take(chunk(0, 2))
    assert not await bench.versions()
    assert await bench.take(chunk(1, 2))

    assert not await bench.take(chunk(0, 2))
    assert await bench.take(chunk(1, 2))
    assert await bench.versions() == [1, 1]
    assert bench.encoder.batches == [2]


async def test_a_new_version_replaces_the_old_one_when_it_is_whole(bench: Bench) -> None:
    await bench.submit(1)
    await bench.take(chunk(0, 2, version=2), minute=1)
    assert await bench.versions() == [1, 1]

    await bench.take(chunk(1, 2, version=2), minute=1)

    assert await bench.versions() == [2, 2]
    assert await bench.points() == 2


async def test_a_document_that_is_new_has_nothing_to_be_cleaned(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[object] = []
    points_of = bench.index.points_of

    async def listening(tenant: str, document_id: UUID) -> set[str]:
        listed.append(document_id)
        return await points_of(tenant, document_id)

    monkeypatch.setattr(bench.index, "points_of", listening)
    await bench.submit(1)
    assert listed == []

    await bench.submit(2, minute=1)
    assert listed == [DOCUMENT]


async def test_an_older_version_never_comes_back(bench: Bench) -> None:
    await bench.take(chunk(0, 2, version=1))
    await bench.submit(2, minute=1)

    assert not await bench.take(chunk(1, 2, version=1))

    assert await bench.versions() == [2, 2]
    assert await bench.points() == 2


async def test_tenants_with_the_same_ids_share_nothing(bench: Bench) -> None:
    await bench.submit(1, tenant="acme")
    await bench.submit(1, tenant="umbrella")
    await bench.submit(2, tenant="umbrella", minute=1)

    assert await bench.versions("acme") == [1, 1]
    assert await bench.versions("umbrella") == [2, 2]
    assert await bench.versions("nobody") == []

    await bench.indexing.remove(removal(), caused(tenant="umbrella", minute=2))
    assert await bench.versions("acme") == [1, 1]
    assert await bench.versions("umbrella") == []


async def test_collections_are_apart(bench: Bench) -> None:
    await bench.take(chunk(collection="legal"))

    assert await bench.find("part0") == []
    assert len(await bench.find("part0", collection="legal")) == 1


async def test_a_removal_takes_everything_and_late_chunks_stay_out(bench: Bench) -> None:
    await bench.submit(1, count=6)
    for _ in range(2):
        await bench.indexing.remove(removal(), caused(minute=1))

    assert await bench.versions() == []
    assert await bench.points() == 0
    assert not await bench.take(chunk(5, 6))  # as old as what was removed
    assert await bench.versions() == []

    await bench.submit(2, minute=2)
    assert await bench.versions() == [2, 2]


async def test_a_removal_older_than_the_version_removes_nothing(bench: Bench) -> None:
    await bench.submit(1, minute=5)

    await bench.indexing.remove(removal(), caused(minute=1))

    assert await bench.versions() == [1, 1]
    assert await bench.points() == 2


async def test_a_removal_before_the_last_chunk(bench: Bench) -> None:
    await bench.take(chunk(0, 2))
    await bench.indexing.remove(removal(), caused(minute=1))

    assert not await bench.take(chunk(1, 2))
    assert await bench.points() == 0


async def test_a_removal_while_its_chunks_are_embedded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = bench.index.put

    async def overtaken(places: list[Place], vectors: Vectors) -> None:
        await bench.indexing.remove(removal(), caused(minute=1))
        await put(places, vectors)

    monkeypatch.setattr(bench.index, "put", overtaken)

    assert not await bench.take(chunk())
    assert await bench.versions() == []
    assert await bench.points() == 0


@pytest.mark.parametrize("method", ["points_of", "drop"])
async def test_a_version_that_arrives_while_an_old_one_is_removed_is_found_whole(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    await bench.submit(1)
    original: Any = getattr(Index, method)

    async def slow(*arguments: Any) -> Any:
        monkeypatch.undo()
        for ordinal in range(4):  # a batch: they are embedded
            await bench.take(chunk(ordinal, 5, version=2), minute=2)
        return await original(bench.index, *arguments)

    monkeypatch.setattr(bench.index, method, slow)
    await bench.indexing.remove(removal(), caused(minute=1))
    await bench.take(chunk(4, 5, version=2), minute=2)

    assert await bench.versions() == [2] * 5


@pytest.mark.parametrize("method", ["put", "drop"])
@pytest.mark.parametrize("after", [False, True])
async def test_a_crash_between_the_steps_shows_one_whole_version(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, method: str, after: bool
) -> None:
    await bench.submit(1)
    await bench.take(chunk(0, 2, version=2), minute=1)
    original: Any = getattr(Index, method)

    async def crash(*arguments: Any) -> None:
        if after:
            await original(bench.index, *arguments)
        raise Unavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(bench.index, method, crash)
        with pytest.raises(Unavailable):
            await bench.take(chunk(1, 2, version=2), minute=1)

    assert await bench.versions() in ([1, 1], [2, 2])
    assert await bench.take(chunk(1, 2, version=2), minute=1)  # the redelivery
    assert await bench.versions() == [2, 2]
    assert await bench.points() == 2


async def test_search_sees_one_whole_version_while_documents_change(bench: Bench) -> None:
    await bench.submit(1)
    seen: set[tuple[int, ...]] = set()
    stop = asyncio.Event()

    async def look() -> None:
        while not stop.is_set():
            seen.add(tuple(await bench.versions()))

    looking = asyncio.create_task(look())
    for version in range(2, 8):
        await bench.submit(version, minute=version)
    stop.set()
    await looking

    assert seen <= {(version, version) for version in range(1, 8)}


@hypothesis_settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.permutations(range(6)), again=st.lists(st.integers(0, 5), max_size=4))
async def test_any_order_with_repeats_ends_the_same(
    bench: Bench, order: list[int], again: list[int]
) -> None:
    document = uuid4()
    for ordinal in [*order[:3], *again, *order[3:], *again]:
        event = chunk(ordinal, 6, document_id=document, collection=str(document))
        await bench.take(event)

    found = await bench.find("part0", collection=str(document))
    assert len(found) == 6


async def test_vectors_nothing_stands_behind_do_not_push_passages_out(bench: Bench) -> None:
    await bench.submit(1)
    vectors = await bench.encoder.encode(["part0 of v1"] * 50, urgent=True)
    stray = [
        Place("acme", derived_id("stray", n), DOCUMENT, version=9, collection="default")
        for n in range(50)
    ]
    await bench.index.put(stray, vectors)

    assert [p.version for p in await bench.find("part0 of v1", limit=2)] == [1, 1]

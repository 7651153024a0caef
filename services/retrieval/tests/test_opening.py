import asyncio
from typing import Any
from uuid import uuid4

import pytest
from httpx import Headers
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import UnexpectedResponse

from gyre_retrieval.opening import Opening
from gyre_retrieval.places import Place
from gyre_service.errors import Unavailable

from .conftest import Bench, caused, chunk, removal


async def opened(bench: Bench) -> Opening:
    opening = Opening(bench.sessions, bench.index, bench.encoder, bench.indexing)
    opening.start()
    await opening.wait()
    return opening


async def test_an_index_that_was_lost_is_restored_from_the_database(bench: Bench) -> None:
    await bench.submit(1, count=5)
    await bench.index.drop(await bench.point_ids())
    assert await bench.find("part3") == []

    await opened(bench)

    found = await bench.find("part3 of v1")
    assert len(found) == 5
    assert found[0].text == "part3 of v1"
    assert found[0].score == pytest.approx(1, abs=1e-5)


async def test_what_is_looked_through_page_by_page_is_restored_and_cleaned(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = bench.index.page

    async def paged(after: Any = None) -> Any:  # as a server does
        points, _ = await page()
        ids = [id for id in sorted(points) if after is None or id >= after]
        return {id: points[id] for id in ids[:2]}, ids[2] if len(ids) > 2 else None

    await bench.submit(1, count=5)
    await bench.submit(1, count=5, tenant="umbrella")
    lost = await bench.point_ids()
    stray = [Place(tenant, uuid4(), uuid4(), 1, "default") for tenant in ("acme", "other")] * 2
    await bench.index.put(stray, await bench.encoder.encode(["stray"] * 4))
    await bench.index.drop(lost)

    for module in ("opening", "restoring", "index"):
        monkeypatch.setattr(f"gyre_retrieval.{module}.PAGE", 2)
    with monkeypatch.context() as patch:
        patch.setattr(bench.index, "page", paged)
        await opened(bench)

    assert len(await bench.find("part3")) == len(await bench.find("part3", "umbrella")) == 5
    assert await bench.points() == 10


async def test_what_a_crash_left_is_deleted_at_the_start(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.submit(1)

    async def crash(*_: object) -> None:
        raise Unavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(bench.index, "drop", crash)
        with pytest.raises(Unavailable):
            await bench.indexing.remove(removal(), caused(minute=1))
    assert await bench.points() == 2
    assert await bench.versions() == []

    await opened(bench)

    assert await bench.points() == 0


async def test_what_another_replica_indexes_meanwhile_stays(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = bench.index.page
    arriving = chunk(0, count=2, version=2)

    async def slow(after: Any) -> Any:
        await bench.submit(1)
        await bench.take(arriving)
        place = Place("acme", arriving.chunk_id, arriving.document_id, 2, "default")
        await bench.index.put([place], await bench.encoder.encode([arriving.text]))
        return await page(after)

    with monkeypatch.context() as patch:
        patch.setattr(bench.index, "page", slow)
        await opened(bench)

    assert await bench.points() == 3
    assert await bench.versions() == [1, 1]


async def test_another_encoder_embeds_everything_anew(bench: Bench) -> None:
    await bench.submit(1, count=3)
    other = "e" * 64
    bench.encoder.identity = bench.encoder.identity.model_copy(update={"digest": other})
    await bench.index.open(other, bench.encoder.identity.dimension)
    bench.encoder.batches.clear()
    opening = Opening(bench.sessions, bench.index, bench.encoder, bench.indexing)

    await opening._reencode()
    await opening._restore()

    assert bench.encoder.batches == [3]
    assert len(await bench.find("part1")) == 3


async def test_it_says_what_it_waits_for_and_tries_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gyre_retrieval.opening.RETRY_S", 0.01)
    failures = asyncio.Queue[None]()
    open_index = bench.index.open

    async def away(digest: str, dimension: int) -> None:
        if failures.qsize() < 3:
            failures.put_nowait(None)
            raise Unavailable("Qdrant: away")
        await open_index(digest, dimension)

    monkeypatch.setattr(bench.index, "open", away)
    opening = Opening(bench.sessions, bench.index, bench.encoder, bench.indexing)
    assert await opening.check() == "loading the encoder"
    opening.start()
    await opening.wait()

    assert await opening.check() == ""
    assert failures.qsize() == 3


async def test_what_nobody_foresaw_is_tried_again_too(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gyre_retrieval.opening.RETRY_S", 0.01)
    clean_up, failures = bench.indexing.clean_up, [RuntimeError("disk"), KeyError("id")]

    async def failing() -> None:
        if failures:
            raise failures.pop()
        await clean_up()

    monkeypatch.setattr(bench.indexing, "clean_up", failing)

    assert await (await opened(bench)).check() == ""
    assert failures == []


@pytest.mark.parametrize("status", [401, 403, 429, 500])
async def test_a_server_that_refuses_the_key_or_is_busy_is_away(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise UnexpectedResponse(status, "no", b"", Headers())

    monkeypatch.setattr(bench.index, "_call", refuse)

    with pytest.raises(Unavailable, match=str(status)):
        await bench.index.drop(["x"])


async def test_a_server_that_says_when_to_come_again_is_away(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ResourceExhaustedResponse("busy", 3)

    monkeypatch.setattr(bench.index, "_call", refuse)

    with pytest.raises(Unavailable, match="busy"):
        await bench.index.drop(["x"])

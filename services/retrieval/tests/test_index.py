"""Local mode, which is asked without a filter: whose a point is, is known beside it."""

import logging
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from gyre_retrieval import held
from gyre_retrieval.index import Index
from gyre_retrieval.places import Place
from gyre_retrieval.vectors import Vectors

from .conftest import DIGEST, DIMENSION, Bench


def places(count: int, tenant: str = "acme", collection: str = "default") -> list[Place]:
    document = uuid4()
    return [Place(tenant, uuid4(), document, 1, collection) for _ in range(count)]


def near(count: int, away: float) -> Vectors:
    """Return rows of unit length, shape `(count, DIMENSION)`, at `away` from `QUESTION`."""
    rows = np.zeros((count, DIMENSION), dtype=np.float32)
    rows[:, 0], rows[:, 1] = np.cos(away), np.sin(away)
    return rows


QUESTION = near(1, 0)[0]


async def test_few_points_are_found_behind_many_nearer_ones_of_others(bench: Bench) -> None:
    mine = places(3)
    await bench.index.put(mine, near(3, away=1.0))
    await bench.index.put(places(300, tenant="umbrella"), near(300, away=0.1))
    await bench.index.put(places(300, collection="legal"), near(300, away=0.2))

    for limit in (2, 3, 10):
        hits = await bench.index.search("acme", "default", QUESTION, limit)

        assert {hit.chunk_id for hit in hits} <= {place.chunk_id for place in mine}
        assert [hit.score for hit in hits] == pytest.approx([np.cos(1.0)] * min(limit, 3))
    assert await bench.index.search("nobody", "default", QUESTION, 2) == []


async def test_whose_a_point_is_outlasts_a_start(tmp_path: Path) -> None:
    mine, other = places(3), places(2, tenant="umbrella")
    before, index = Index(tmp_path), Index(tmp_path)
    await before.open(DIGEST, DIMENSION)
    await before.put([*mine, *other], near(5, away=0.5))
    await before.drop([mine[0].point_id])
    await before.close()

    await index.open(DIGEST, DIMENSION)

    left = {place.point_id for place in mine[1:]}
    assert await index.points_of("acme", mine[0].document_id) == left
    assert await index.points_of("umbrella", mine[0].document_id) == set()
    hits = await index.search("acme", "default", QUESTION, 9)
    assert {hit.chunk_id for hit in hits} == {place.chunk_id for place in mine[1:]}
    everything = [place.point_id for place in [*mine, *other]]
    assert await index.lacking(everything) == {mine[0].point_id}
    await index.close()


async def test_local_mode_is_never_asked_with_a_filter(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, asked = bench.index._call, list[object]()

    def listening(method: str, **arguments: object) -> object:
        asked.extend(arguments.get(name) for name in ("query_filter", "scroll_filter"))
        return call(method, **arguments)

    monkeypatch.setattr(bench.index, "_call", listening)
    await bench.submit(1)
    await bench.submit(2, minute=1)
    assert await bench.versions() == [2, 2]

    assert asked
    assert set(asked) == {None}


async def test_the_log_says_once_that_the_points_are_many(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(held, "LARGE", 4)

    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            await bench.index.put(places(3), near(3, away=0.5))

    assert [record.getMessage() for record in caplog.records] == [
        "the embedded index has 6 vectors, more than 4: a Qdrant server is faster"
    ]

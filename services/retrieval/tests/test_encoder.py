"""The real model, loaded once: tens of seconds on a busy machine."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from gyre_events import Encoder as Identity
from gyre_retrieval.encoder import Encoder, digest_of
from gyre_retrieval.vectors import Vectors
from gyre_service.errors import Unavailable


@pytest.fixture
async def encoder() -> AsyncIterator[Encoder]:
    encoder = Encoder("", threads=1)
    yield encoder
    encoder.close()


async def test_the_packaged_model(encoder: Encoder) -> None:
    with pytest.raises(Unavailable, match="loading the encoder"):
        await encoder.encode(["too early"])

    identity = await encoder.load()
    assert await encoder.load() is identity
    texts = ["Who keeps the lighthouse?", "The lighthouse keeper is Ada.", "Bread costs two euros."]
    vectors = await encoder.encode(texts, urgent=True)

    assert (identity.name, identity.dimension) == ("all-MiniLM-L6-v2", 384)
    assert vectors.shape == (3, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.3
    again = await encoder.encode([texts[2], "Another one.", texts[0], texts[2]])  # the other worker
    assert again[[2, 0, 3]] == pytest.approx(vectors[[0, 2, 2]], abs=1e-5)
    alone = await encoder.encode(["Another one."])
    assert again[1] == pytest.approx(alone[0], abs=1e-5)
    assert (await encoder.encode([])).shape == (0, 384)
    assert await encoder.count_tokens(["one two", "word " * 1000]) == [4, 1002]


async def test_a_text_is_remembered_for_its_tenant_only(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[list[str]] = []

    def encode(texts: list[str], urgent: bool) -> Vectors:
        turns.append(texts)
        return np.ones((len(texts), 1), dtype=np.float32)

    encoder.identity = Identity(name="ones", digest="d" * 64, dimension=1)
    monkeypatch.setattr(encoder, "_encode", encode)
    for tenant in ("acme", None, "umbrella", "acme"):
        assert (await encoder.encode(["one", "one"], tenant)).tolist() == [[1], [1]]

    assert turns == [["one"]] * 3


async def test_many_texts_let_others_in_between(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[list[str]] = []

    def encode(texts: list[str], urgent: bool) -> Vectors:
        turns.append(texts)
        return np.array([[len(text)] for text in texts], dtype=np.float32)

    encoder.identity = Identity(name="lengths", digest="d" * 64, dimension=1)
    monkeypatch.setattr(encoder, "_encode", encode)
    many = ["x" * (n % 7 + 1) + str(n) for n in range(40)]

    whole, few = await asyncio.gather(encoder.encode(many), encoder.encode(["one", "two"]))

    assert [len(texts) for texts in turns] == [16, 2, 16, 8]
    assert whole[:, 0].tolist() == [len(text) for text in many]
    assert few[:, 0].tolist() == [3, 3]


async def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    encoder = Encoder(str(tmp_path), threads=1)

    with pytest.raises(Unavailable, match="cannot be loaded"):
        await encoder.load()
    encoder.close()


def test_the_digest_is_of_names_and_contents(tmp_path: Path) -> None:
    digests = set()
    for name, content in [("a", "x"), ("a", "y"), ("b", "x")]:
        folder = tmp_path / f"{name}{content}"
        folder.mkdir()
        (folder / name).write_text(content)
        digests.add(digest_of(folder))
        assert digest_of(folder) in digests

    assert len(digests) == 3

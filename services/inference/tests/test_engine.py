"""The real engine on a real model: `GYRE_TEST_MODEL=FOLDER pytest services/inference`."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gyre_inference.engine import VllmEngine
from gyre_inference.generation import Piece, Sampling, Turn
from gyre_inference.settings import Settings
from gyre_service.errors import Unavailable

MODEL = os.environ.get("GYRE_TEST_MODEL", "")
needs_model = pytest.mark.skipif(not MODEL, reason="GYRE_TEST_MODEL names no prepared model")
QUESTION = (Turn("user", "[1] The lamp is blue.\n\nQuestion: Which colour is the lamp?"),)


async def test_until_it_has_loaded_it_says_so(settings: Settings) -> None:
    engine = VllmEngine(settings, lost=print)

    assert engine.reason() == "loading the model"
    with pytest.raises(Unavailable, match="not ready: loading the model"):
        engine.render(QUESTION)
    await engine.stop()


async def test_a_model_that_cannot_be_loaded_is_reported(settings: Settings) -> None:
    lost: list[str] = []

    with pytest.raises(FileNotFoundError):
        await VllmEngine(settings, lost.append).run()  # its folder has no config.json

    assert "the engine did not start" in lost[0]


@pytest.fixture
async def engine(make_settings: Callable[..., Settings]) -> AsyncIterator[VllmEngine]:
    made = VllmEngine(make_settings(model_path=Path(MODEL)), lost=print)
    running = asyncio.create_task(made.run())
    await asyncio.wait_for(made.loaded.wait(), 400)
    yield made
    running.cancel()
    await made.stop()


@needs_model
async def test_it_answers_the_same_again_and_stops_when_nobody_listens(
    engine: VllmEngine,
) -> None:
    prompt = engine.render(QUESTION)
    sampling = Sampling(max_tokens=16)

    async def answer(name: str) -> str:
        pieces = engine.generate(name, prompt, sampling, None, "acme")
        return "".join([piece.text async for piece in pieces])

    assert await answer("one") == await answer("two") != ""

    long: list[Piece] = []
    stream = engine.generate(
        "three", prompt, Sampling(max_tokens=1000, temperature=2, seed=1), None, "acme"
    )
    async for piece in stream:
        long.append(piece)
        break
    await stream.aclose()
    assert engine._llm.get_num_unfinished_requests() == 0

"""The real engine on a real model: `GYRE_TEST_MODEL=FOLDER pytest services/inference`."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import Mock

import psutil
import pytest
import torch
from safetensors.torch import save_file

from gyre_inference.engine import VllmEngine
from gyre_inference.generation import Adapter, Piece, Sampling, Turn
from gyre_inference.launching import Launched
from gyre_inference.settings import Settings
from gyre_inference.tokens import Tokens
from gyre_service.adapters import seal
from gyre_service.errors import Rejected, Unavailable

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
    engine = VllmEngine(settings, lost.append)

    with pytest.raises(FileNotFoundError):
        await engine.run()  # its folder has no config.json

    assert "the engine did not start" in lost[0]
    async with asyncio.timeout(5):  # nobody waits for ever
        await engine.forked()


class FakeLlm:
    """Stands for vLLM: takes every adapter, and is as alive as it is told to be."""

    def __init__(self) -> None:
        self.alive = True
        self.adapters: set[int] = set()

    async def add_lora(self, number: int) -> bool:
        self.adapters.add(number)
        return True

    async def remove_lora(self, number: int) -> bool:
        self.adapters.discard(number)
        return True

    def shutdown(self) -> None:
        """Nothing to stop."""


@dataclass(frozen=True)
class FakeLaunched(Launched):
    """Of no process."""

    def lives(self) -> bool:
        return bool(self.llm.alive)

    def kill(self) -> None:
        self.llm.alive = False


ADAPTER = Adapter("default--bbbbbbbb", "b" * 64, "/adapters/b")
Probe = Callable[[Adapter | None], Awaitable[dict[int, float]]]


@pytest.fixture
def loading(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[VllmEngine, FakeLlm, list[str]]]:
    """Return what makes an engine without vLLM, whose probe is given."""

    def make(probe: Probe, **changes: float) -> tuple[VllmEngine, FakeLlm, list[str]]:
        llm, lost = FakeLlm(), list[str]()

        async def load() -> Launched:
            return FakeLaunched(llm, Mock(spec=Tokens), 100)

        def number(adapter: Adapter) -> int:
            return made._adapter_ids.setdefault(adapter.digest, 1)

        made = VllmEngine(make_settings(**changes), lost.append)
        monkeypatch.setattr(made, "_load_in_a_thread", load)
        monkeypatch.setattr(made, "_lora", number)
        monkeypatch.setattr(made, "_probe", probe)
        return made, llm, lost

    return make


async def test_an_engine_that_dies_while_it_loads_an_adapter_refuses_nothing(
    loading: Callable[..., tuple[VllmEngine, FakeLlm, list[str]]],
) -> None:
    async def dies(_: Adapter | None) -> dict[int, float]:
        llm.alive = False
        raise RuntimeError("the core is gone")

    engine, llm, lost = loading(dies)
    running = asyncio.create_task(engine.run())
    await engine.loaded.wait()

    with pytest.raises(Unavailable, match="has died"):
        await engine.load(ADAPTER)
    await running
    assert lost == ["the engine has died"]
    await engine.stop()


async def test_an_adapter_that_hangs_the_engine_is_noticed(
    loading: Callable[..., tuple[VllmEngine, FakeLlm, list[str]]],
) -> None:
    async def hangs(_: Adapter | None) -> dict[int, float]:
        await asyncio.Event().wait()
        raise AssertionError

    engine, _, lost = loading(hangs, hang_s=0.1, adapter_timeout_s=2)
    running = asyncio.create_task(engine.run())
    await engine.loaded.wait()

    with pytest.raises(Unavailable, match="did not load the adapter in 2 s"):
        await asyncio.wait_for(engine.load(ADAPTER), 5)
    await asyncio.wait_for(running, 5)
    assert lost == ["the engine hung: no step in 0.1 s"]
    await engine.stop()


@pytest.mark.parametrize(
    "probes",
    [(-0.500, -0.501, -0.5015, -0.501), (-0.500, -0.501, -0.500, -0.500), (-0.5, -0.8, -0.5, -0.7)],
)
async def test_an_adapter_that_is_ignored_while_others_ask_is_refused(
    loading: Callable[..., tuple[VllmEngine, FakeLlm, list[str]]], probes: tuple[float, ...]
) -> None:
    rounded = iter(probes)  # all of them the base's

    async def probe(_: Adapter | None) -> dict[int, float]:
        return {1: next(rounded)}

    engine, _, _ = loading(probe)
    running = asyncio.create_task(engine.run())
    await engine.loaded.wait()

    with pytest.raises(Rejected, match="changes nothing"):
        await engine.load(ADAPTER)
    running.cancel()
    await engine.stop()


@pytest.mark.parametrize(
    ("probed", "reason"),
    [
        ({1: -0.5}, "changes nothing"),
        ({1: float("nan")}, "not finite"),
        (RuntimeError("shapes differ"), "refuses the adapter: shapes differ"),
    ],
)
async def test_one_that_is_refused_after_it_was_taken_does_not_stay(
    loading: Callable[..., tuple[VllmEngine, FakeLlm, list[str]]],
    probed: dict[int, float] | RuntimeError,
    reason: str,
) -> None:
    async def probe(adapter: Adapter | None) -> dict[int, float]:
        if adapter is None:
            return {1: -0.5}
        assert llm.adapters
        if isinstance(probed, RuntimeError):
            raise probed
        return probed

    engine, llm, lost = loading(probe)
    running = asyncio.create_task(engine.run())
    await engine.loaded.wait()

    with pytest.raises(Rejected, match=reason):
        await engine.load(ADAPTER)

    assert llm.adapters == set()
    assert lost == []
    running.cancel()
    await engine.stop()


def random_adapter(folder: Path, scale: float) -> Adapter:
    """Make an adapter of the model in GYRE_TEST_MODEL from random numbers."""
    config = json.loads((Path(MODEL) / "config.json").read_text())
    width, heads = config["hidden_size"], config["num_attention_heads"]
    out = heads * config.get("head_dim", width // heads)
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for layer in range(config["num_hidden_layers"]):
        name = f"base_model.model.model.layers.{layer}.self_attn.q_proj"
        weights[f"{name}.lora_A.weight"] = torch.randn(8, width, generator=generator)
        weights[f"{name}.lora_B.weight"] = scale * torch.randn(out, 8, generator=generator)
    folder.mkdir()
    save_file(weights, folder / "adapter_model.safetensors")
    made = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "bias": "none"}
    made |= {"target_modules": ["q_proj"], "base_model_name_or_path": "x"}
    (folder / "adapter_config.json").write_text(json.dumps(made))
    digest = seal(folder, "a" * 64, {})
    return Adapter(f"default--{digest[:8]}", digest, str(folder))


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[VllmEngine]:
    made = VllmEngine(settings, lost=print)
    task = asyncio.create_task(made.run())
    await asyncio.wait_for(made.loaded.wait(), 400)
    yield made
    task.cancel()
    await made.stop()


@pytest.fixture
async def engine(make_settings: Callable[..., Settings]) -> AsyncIterator[VllmEngine]:
    async with running(make_settings(model_path=Path(MODEL))) as made:
        yield made


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
    assert engine._ready().llm.get_num_unfinished_requests() == 0


@needs_model
@pytest.mark.parametrize(
    ("how", "seen_s", "reason"),
    [(signal.SIGKILL, 5, "has died"), (signal.SIGSTOP, 15, "the engine hung")],
)
async def test_an_engine_that_is_lost_is_seen_in_time(
    make_settings: Callable[..., Settings], how: signal.Signals, seen_s: float, reason: str
) -> None:
    lost: list[str] = []
    engine = VllmEngine(make_settings(model_path=Path(MODEL)), lost.append)
    running = asyncio.create_task(engine.run())
    await asyncio.wait_for(engine.loaded.wait(), 400)
    await asyncio.sleep(8)  # it is probed, more than once
    assert lost == []
    [process] = engine._ready().llm.engine_core.resources.engine_manager.processes
    prompt = engine.render(QUESTION)
    long = engine.generate("long", prompt, Sampling(1000, 2, seed=1), None, "acme")
    await anext(long)

    os.kill(process.pid, how)
    begin = time.monotonic()
    with pytest.raises(Unavailable):
        async for _ in long:
            pass
    await asyncio.wait_for(running, 30)

    assert time.monotonic() - begin < seen_s
    assert reason in lost[0]
    # Not its exit code: who else waits for children may have had it.
    with suppress(psutil.NoSuchProcess):
        async with asyncio.timeout(5):
            while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    await engine.stop()


@needs_model
async def test_an_adapter_is_loaded_beside_the_base_proved_and_let_go(
    engine: VllmEngine, tmp_path: Path
) -> None:
    prompt = engine.render(QUESTION)

    async def answer(name: str, adapter: Adapter | None) -> str:
        pieces = engine.generate(name, prompt, Sampling(max_tokens=16), adapter, "acme")
        return "".join([piece.text async for piece in pieces])

    base = await answer("base", None)
    strong = random_adapter(tmp_path / "strong", scale=1.0)
    await engine.load(strong)
    one, other = await asyncio.gather(answer("with", strong), answer("without", None))
    assert one != base == other

    for name, scale, reason in (
        ("zero", 0.0, "changes nothing"),
        ("nan", float("nan"), "not finite|refuses"),
    ):
        with pytest.raises(Rejected, match=reason):
            await engine.load(random_adapter(tmp_path / name, scale))
    broken = random_adapter(tmp_path / "broken", scale=2.0)
    (tmp_path / "broken" / "adapter_model.safetensors").write_bytes(b"cut")
    with pytest.raises(Rejected, match="refuses the adapter"):
        await engine.load(broken)

    await engine.unload(strong)
    assert await answer("again", None) == base


@needs_model
async def test_nothing_is_compiled_whoever_has_imported_the_compiler(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import torch._dynamo.config

    monkeypatch.setattr(torch._dynamo.config, "disable", False)  # as imported before the launch
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "compiled"))
    async with running(make_settings(model_path=Path(MODEL))) as engine:
        pieces = engine.generate(
            "one", engine.render(QUESTION), Sampling(max_tokens=2, top_logprobs=2), None, "acme"
        )
        assert [piece async for piece in pieces]
    assert list((tmp_path / "compiled").rglob("*")) == []


@needs_model
async def test_alternatives_log_probabilities_and_forms(engine: VllmEngine) -> None:
    prompt = engine.render(QUESTION)

    async def runs(name: str, sampling: Sampling) -> list[list[Piece]]:
        made: list[list[Piece]] = [[] for _ in range(sampling.runs)]
        async for piece in engine.generate(name, prompt, sampling, None, "acme"):
            made[piece.run].append(piece)
        return made

    def text(pieces: list[Piece]) -> str:
        return "".join(piece.text for piece in pieces)

    wild = Sampling(max_tokens=12, temperature=2, seed=-2, n=3, top_logprobs=2)
    once, again = await runs("one", wild), await runs("two", wild)
    assert [text(one) for one in once] == [text(one) for one in again]
    assert len({text(one) for one in once}) > 1
    assert all(one[-1].finish_reason in ("stop", "length") for one in once)

    [plain] = await runs("three", Sampling(max_tokens=12, top_logprobs=3))
    tokens = [token for piece in plain for token in piece.logprobs]
    assert b"".join(token.token for token in tokens).decode() == text(plain)
    assert all(token.logprob == token.top[0].logprob <= 0 for token in tokens)
    assert all(len(token.top) == 3 for token in tokens)

    schema = json.dumps(
        {
            "type": "object",
            "properties": {"colour": {"enum": ["red", "blue"]}, "sure": {"type": "boolean"}},
            "required": ["colour", "sure"],
            "additionalProperties": False,
        }
    )
    [formed] = await runs("four", Sampling(max_tokens=60, json_schema=schema))
    assert set(json.loads(text(formed))) == {"colour", "sure"}
    assert formed[-1].finish_reason == "stop"

    for wrong in ('{"type": "nonsense"}', '{"type": "integer", "multipleOf": 7}'):
        with pytest.raises(Rejected, match="the engine refuses this") as caught:
            await runs("five", Sampling(max_tokens=5, json_schema=wrong))
        assert caught.value.param == "json_schema"

    stream = engine.generate(
        "six", prompt, Sampling(max_tokens=1000, temperature=2, n=4), None, "acme"
    )
    async for _ in stream:
        break
    await stream.aclose()
    assert engine._ready().llm.get_num_unfinished_requests() == 0

"""What the routes want, and what an engine is given; folders are real, the engine is not."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import torch
from safetensors.torch import save_file

from gyre_events import AdapterLoaded, Arm, Base, Policy, Prompt, RolloutChanged
from gyre_inference.generation import Adapter
from gyre_inference.reconciling import Reconciler
from gyre_inference.settings import Settings
from gyre_service.adapters import seal
from gyre_service.errors import Rejected
from gyre_service.ids import now

PROMPT = Prompt(digest="d" * 64, text="Be short.")


class FakeEngine:
    """Takes every adapter but those it was told to refuse."""

    def __init__(self) -> None:
        self.loaded = asyncio.Event()
        self.loaded.set()
        self.has: set[str] = set()
        self.unloaded: list[str] = []
        self.refuses: set[str] = set()

    async def load(self, adapter: Adapter) -> None:
        if adapter.digest in self.refuses:
            raise Rejected("the adapter changes nothing")
        self.has.add(adapter.digest)

    async def unload(self, adapter: Adapter) -> None:
        self.has.remove(adapter.digest)
        self.unloaded.append(adapter.digest)


class FakeRollouts:
    """Stands for the table."""

    def __init__(self) -> None:
        self.kept: dict[str, RolloutChanged] = {}

    def get(self, tenant: str, key: str) -> RolloutChanged | None:
        return self.kept.get(tenant)

    def rows(self) -> list[tuple[str, RolloutChanged]]:
        return list(self.kept.items())

    def put(
        self,
        *digests: str | None,
        tenant: str = "acme",
        home: Path = Path(),
        names: tuple[str, ...] = ("production",),
        share: int = 0,
    ) -> None:
        """Let the first adapter be production's, and `share` that of each other one."""
        arms = tuple(
            Arm(
                name=names[number] if number < len(names) else f"arm{number}",
                share=share if number else 10_000 - share * (len(digests) - 1),
                adapter_digest=digest,
                adapter_uri=digest and f"file://{home}/{digest}",
                prompt=PROMPT,
            )
            for number, digest in enumerate(digests)
        )
        self.kept[tenant] = RolloutChanged(
            route="default",
            revision=1,
            rollout_id=uuid4(),
            collection="default",
            base=Base(name="tiny", digest="a" * 64),
            policy=Policy(),
            arms=arms,
            decided_at=now(),
        )


MODULE = "base_model.model.model.layers.0.self_attn.q_proj"


def make(home: Path, seed: int, base: str, rank: int = 8, module: str = MODULE) -> str:
    """Make the folder of an adapter, as far as files go; return its digest."""
    folder = home / f"new-{seed}"
    folder.mkdir(parents=True)
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": 16, "target_modules": ["q_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    sides = {"A": torch.full((rank, 4), float(seed)), "B": torch.ones(6, rank)}
    weights = {f"{module}.lora_{side}.weight": tensor for side, tensor in sides.items()}
    save_file(weights, folder / "adapter_model.safetensors")
    digest = seal(folder, base, {})
    folder.rename(home / digest)
    return digest


def adapter(digest: str) -> Adapter:
    """Return one as the registry knows it."""
    return Adapter(f"default--{digest[:8]}", digest, f"s3://adapters/{digest}")


@pytest.fixture
def settings(make_settings: Callable[..., Settings], tmp_path: Path) -> Settings:
    (tmp_path / "config.json").write_text('{"architectures": ["TinyForCausalLM"]}')
    model = {"model.layers.0.self_attn.q_proj.weight": torch.zeros(6, 4)}
    save_file(model, tmp_path / "model.safetensors")
    return make_settings(home=tmp_path, replica="here", max_loras=3)


@asynccontextmanager
async def reconciling(
    settings: Settings, engine: FakeEngine, rollouts: FakeRollouts
) -> AsyncIterator[tuple[Reconciler, list[tuple[str, AdapterLoaded]]]]:
    said: list[tuple[str, AdapterLoaded]] = []

    async def publish(tenant: str, event: AdapterLoaded) -> None:
        said.append((tenant, event))

    made = Reconciler(settings, engine, rollouts, publish)
    running = asyncio.create_task(made.run())
    try:
        yield made, said
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(found: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while True:
            if found():
                return
            await asyncio.sleep(0.01)


async def test_what_is_wanted_is_loaded_and_said_and_let_go_when_it_is_not(
    settings: Settings, tmp_path: Path
) -> None:
    engine, rollouts = FakeEngine(), FakeRollouts()
    first, second = (make(tmp_path, seed, settings.model_digest) for seed in (1, 2))
    rollouts.put(first, second, home=tmp_path)
    async with reconciling(settings, engine, rollouts) as (made, said):
        assert "is not loaded" in await made.reason()
        await until(lambda: len(said) == 2)
        assert await made.reason() == ""
        assert made.has(first)
        assert made.local(adapter(first)).path == str(tmp_path / first)
        assert [(t, e.outcome, e.replica) for t, e in said] == [("acme", "loaded", "here")] * 2

        with made.hold(made.local(adapter(second))):
            rollouts.put(first, home=tmp_path)
            made.changed()
            await until(lambda: len(said) == 3)  # of the new rollout
            assert second in engine.has, "somebody is being answered with it"
        await until(lambda: second not in engine.has)


async def test_one_that_is_refused_stops_nobody(settings: Settings, tmp_path: Path) -> None:
    engine, rollouts = FakeEngine(), FakeRollouts()
    good = make(tmp_path, 1, settings.model_digest)
    bad = {
        "was made for the base": make(tmp_path, 2, "f" * 64),
        "r is 64": make(tmp_path, 3, settings.model_digest, rank=64),
        "changes nothing": make(tmp_path, 4, settings.model_digest),
        "has changed since": make(tmp_path, 5, settings.model_digest),
        "the base has no module": make(
            tmp_path, 6, settings.model_digest, module=MODULE.replace("layers.0", "layers.9")
        ),
    }
    engine.refuses.add(bad["changes nothing"])
    (tmp_path / bad["has changed since"] / "adapter_model.safetensors").write_bytes(b"cut")
    rollouts.put(None, *bad.values(), good, home=tmp_path)
    async with reconciling(settings, engine, rollouts) as (made, said):
        await until(lambda: len(said) == 6)
        outcomes = {event.adapter_digest: event for _, event in said}
        for reason, digest in bad.items():
            assert outcomes[digest].outcome == "refused"
            assert reason in outcomes[digest].reason
            assert (made.has(digest), made.refuses(digest)) == (False, True)
        assert outcomes[good].outcome == "loaded"
        assert engine.has == {good}
        assert await made.reason() == ""


async def test_one_too_many_waits_and_says_so(settings: Settings, tmp_path: Path) -> None:
    engine, rollouts = FakeEngine(), FakeRollouts()
    digests = [make(tmp_path, seed, settings.model_digest) for seed in range(4)]
    rollouts.put(*digests, home=tmp_path)
    async with reconciling(settings, engine, rollouts) as (_, said):
        await until(lambda: len(said) == 4)
        assert [event.outcome for _, event in said] == ["loaded"] * 3 + ["refused"]
        assert [event.waits for _, event in said] == [False] * 3 + [True]
        assert said[-1][1].reason == "there is no room: 3 adapters are loaded, at most 3"


async def test_what_is_not_wanted_any_more_makes_room_first(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gyre_inference.reconciling.AGAIN_S", 0.01)
    engine, rollouts = FakeEngine(), FakeRollouts()
    first, second, third, fourth, fifth = (
        make(tmp_path, seed, settings.model_digest) for seed in range(5)
    )
    rollouts.put(first, second, third, home=tmp_path)
    async with reconciling(settings, engine, rollouts) as (made, said):
        await until(lambda: len(said) == 3)

        rollouts.put(first, second, fourth, home=tmp_path)
        made.changed()
        await until(lambda: len(said) == 6)
        assert engine.has == {first, second, fourth}

        with made.hold(made.local(adapter(fourth))):
            rollouts.put(first, second, fifth, home=tmp_path)
            made.changed()
            await until(lambda: len(said) == 8)  # of the new rollout: those that stay
            assert not made.refuses(fifth), "there is room as soon as the other one has answered"
        await until(lambda: len(said) == 9)
        assert {event.outcome for _, event in said} == {"loaded"}


async def test_one_that_had_no_room_is_loaded_when_there_is(
    settings: Settings, tmp_path: Path
) -> None:
    engine, rollouts = FakeEngine(), FakeRollouts()
    digests = [make(tmp_path, seed, settings.model_digest) for seed in range(4)]
    rollouts.put(*digests, home=tmp_path)
    async with reconciling(settings, engine, rollouts) as (made, said):
        await until(lambda: made.refuses(digests[-1]))
        rollout = rollouts.kept["acme"]
        arms = (rollout.arms[0], rollout.arms[-1])
        rollouts.kept["acme"] = rollout.model_copy(update={"revision": 2, "arms": arms})
        made.changed()
        await until(lambda: made.has(digests[-1]))
        assert not made.refuses(digests[-1])
        await until(lambda: len(said) == 5)  # of the same rollout, which it waited in
        assert (said[-1][1].outcome, said[-1][1].waits) == ("loaded", False)


async def test_a_way_back_makes_room_for_a_candidate_the_oldest_first(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gyre_inference.reconciling.AGAIN_S", 0.01)
    engine, rollouts = FakeEngine(), FakeRollouts()
    one, old, two, new, candidate, other = (
        make(tmp_path, seed, settings.model_digest) for seed in range(6)
    )
    back = ("production", "previous")
    rollouts.put(None, old, home=tmp_path, names=back)
    rollouts.put(one, new, tenant="umbrella", home=tmp_path, names=back)
    async with reconciling(settings, engine, rollouts) as (made, said):
        await until(lambda: len(said) == 3)

        names = ("production", "candidate", "previous")
        with made.hold(made.local(adapter(old))):
            rollouts.put(one, candidate, new, tenant="umbrella", home=tmp_path, names=names)
            made.changed()
            await until(lambda: made.has(candidate))
        assert engine.has == {one, candidate, old}, "the oldest still answers: the next one goes"
        await until(lambda: len(said) == 5)

        rollouts.put(two, tenant="zenith", home=tmp_path)
        made.changed()
        await until(lambda: made.has(two))
        assert engine.has == {one, candidate, two}
        rollouts.put(None, other, tenant="young", home=tmp_path, names=("production", "candidate"))
        made.changed()
        await until(lambda: made.refuses(other))
        await until(lambda: len(said) == 7)
        told = {event.adapter_digest: event.waits for _, event in said}
        assert told == dict.fromkeys((one, old, new, candidate, two), False) | {other: True}

        # The candidate of umbrella is over.
        rollouts.put(one, new, tenant="umbrella", home=tmp_path, names=back)
        made.changed()
        await until(lambda: made.has(other))
        assert engine.has == {one, two, other}, "what goes back has no room yet"


async def test_a_way_back_stays_until_what_comes_is_here(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gyre_inference.reconciling.AGAIN_S", 0.01)
    engine, rollouts = FakeEngine(), FakeRollouts()
    one, two, back, late, damaged = (
        make(tmp_path, seed, settings.model_digest) for seed in range(5)
    )
    rollouts.put(one, two, back, home=tmp_path, names=("production", "candidate", "previous"))
    async with reconciling(settings, engine, rollouts) as (made, said):
        await until(lambda: len(said) == 3)
        (tmp_path / late).rename(tmp_path / "elsewhere")
        (tmp_path / damaged / "adapter_model.safetensors").write_bytes(b"cut")

        rollouts.put(None, late, damaged, tenant="umbrella", home=tmp_path)
        made.changed()
        await until(lambda: made.refuses(damaged))
        await asyncio.sleep(0.1)  # several attempts
        assert (engine.has, engine.unloaded) == ({one, two, back}, [])

        (tmp_path / "elsewhere").rename(tmp_path / late)
        await until(lambda: made.has(late))
        assert engine.unloaded == [back]


async def test_what_has_a_share_comes_before_what_has_none(
    settings: Settings, tmp_path: Path
) -> None:
    engine, rollouts = FakeEngine(), FakeRollouts()
    digests = [make(tmp_path, seed, settings.model_digest) for seed in range(4)]
    rollouts.put(*digests[:3], home=tmp_path, names=("production", "candidate", "previous"))
    rollouts.put(digests[3], tenant="umbrella", home=tmp_path)
    async with reconciling(settings, engine, rollouts) as (_, said):
        await until(lambda: len(said) == 3)
        assert engine.has == {digests[0], digests[1], digests[3]}
        assert {event.outcome for _, event in said} == {"loaded"}


async def test_each_tenant_has_its_first_one_first(settings: Settings, tmp_path: Path) -> None:
    engine, rollouts = FakeEngine(), FakeRollouts()
    digests = [make(tmp_path, seed, settings.model_digest) for seed in range(6)]
    rollouts.put(None, *digests[:4], home=tmp_path, share=1)
    rollouts.put(None, digests[4], tenant="umbrella", home=tmp_path, share=1)
    rollouts.put(digests[5], tenant="zenith", home=tmp_path)
    async with reconciling(settings, engine, rollouts) as (_, said):
        await until(lambda: len(said) == 6)
        assert engine.has == {digests[0], digests[4], digests[5]}
        assert [tenant for tenant, _ in said[:3]] == ["zenith", "acme", "umbrella"]


async def test_a_folder_that_is_not_there_yet_is_waited_for(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gyre_inference.reconciling.AGAIN_S", 0.01)
    engine, rollouts = FakeEngine(), FakeRollouts()
    there = make(tmp_path, 1, settings.model_digest)
    (tmp_path / there).rename(tmp_path / "elsewhere")
    other = make(tmp_path, 2, settings.model_digest)
    rollouts.put(there, other, home=tmp_path)
    async with reconciling(settings, engine, rollouts) as (made, said):
        await until(lambda: made.has(other))
        assert await made.reason() != ""
        (tmp_path / "elsewhere").rename(tmp_path / there)
        await until(lambda: made.has(there))
        assert len(said) == 2


async def test_a_path_that_has_no_folder_for_long_is_stale(
    make_settings: Callable[..., Settings],
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gyre_inference.reconciling.AGAIN_S", 0.01)
    brief = make_settings(replica="here", adapter_wait_s=0.1)
    rollouts = FakeRollouts()
    rollouts.put(None, "b" * 64, home=tmp_path)
    async with reconciling(brief, FakeEngine(), rollouts) as (made, said):
        await until(lambda: said)
        assert said[0][1].outcome == "refused"
        assert "its path is stale" in said[0][1].reason
        assert await made.reason() == ""


async def test_a_path_that_is_not_the_adapters_own_is_refused(
    settings: Settings, tmp_path: Path
) -> None:
    engine, rollouts = FakeEngine(), FakeRollouts()
    digest = make(tmp_path, 1, settings.model_digest)
    (tmp_path / "adapters").mkdir()
    rollouts.put(None, digest, home=tmp_path / "adapters" / "..")
    async with reconciling(settings, engine, rollouts) as (_, said):
        await until(lambda: said)
        assert "expected a path that ends with its whole digest" in said[0][1].reason
        assert engine.has == set()


async def test_an_endpoints_model_need_not_be_here(
    make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    away = make_settings(
        home=tmp_path,
        replica="here",
        engine="openai",
        openai_base_url="http://endpoint:8000/v1",
        model_path=Path(),
    )
    engine, rollouts = FakeEngine(), FakeRollouts()
    digest = make(tmp_path, 1, away.model_digest)
    rollouts.put(None, digest, home=tmp_path)
    async with reconciling(away, engine, rollouts) as (made, _):
        await until(lambda: made.has(digest))

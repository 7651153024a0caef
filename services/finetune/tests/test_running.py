"""A real training of a tiny model, in its own process, from a claimed job to the outbox."""

import asyncio
import json
import os
import signal
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from gyre_events import AdapterTrained, Dataset, TrainingFailed, TrainingProgressed
from gyre_finetune.child import Failed, training
from gyre_finetune.preparing import folder_of, prepare
from gyre_finetune.running import Runner
from gyre_finetune.settings import Settings
from gyre_finetune.store import Training
from gyre_finetune.training.job import Job, adapter_of
from gyre_service.adapters import verify
from gyre_service.blobs import Blobs
from gyre_service.database import Sessions, snapshot, transaction
from gyre_service.errors import Rejected, Unavailable
from gyre_service.jobs import LostLease, claim

from .conftest import DIGEST, dataset, frozen, published, requested


def runner(settings: Settings, sessions: Sessions) -> Runner:
    return Runner(settings, sessions, Blobs(settings.blob_url), lambda tenant, route: "Be short.")


async def ready(
    settings: Settings, sessions: Sessions, examples: int = 6, **changes: float
) -> UUID:
    request = requested(None, **changes)
    event = frozen(request.job_id, await dataset(settings, examples, replayed=5))
    async with transaction(sessions) as session:
        session.add(
            Training(
                tenant="acme",
                job_id=request.job_id,
                state="ready",
                request=request.model_dump(mode="json"),
                dataset=event.model_dump(mode="json"),
            )
        )
    return request.job_id


async def claimed(sessions: Sessions, lease_s: float = 60) -> Training:
    job = await claim(sessions, Training, lease_s)
    assert job is not None
    return job


async def state(sessions: Sessions, job_id: UUID) -> str:
    async with snapshot(sessions) as session:
        return (await session.get_one(Training, ("acme", job_id))).state


async def test_a_job_ends_in_an_adapter_that_the_engine_would_take(
    settings: Settings, sessions: Sessions
) -> None:
    job_id = await ready(settings, sessions)

    await runner(settings, sessions).do(await claimed(sessions))

    *progress, (_, _, last) = await published(sessions)
    assert all(isinstance(event, TrainingProgressed) for _, _, event in progress)
    assert progress
    assert isinstance(last, AdapterTrained)
    assert (last.job_id, last.examples, last.replayed, last.steps) == (job_id, 6, 5, 6)
    place = Path(last.adapter_uri.removeprefix("file://"))
    assert place == settings.home / "adapters" / last.adapter_digest
    assert verify(place, last.adapter_digest, DIGEST, max_rank=16).about["job_id"] == str(job_id)
    assert await state(sessions, job_id) == "done"
    assert not folder_of(settings, "acme", job_id).exists()


async def test_the_log_says_that_time_ended_a_training(
    settings: Settings, sessions: Sessions, caplog: pytest.LogCaptureFixture
) -> None:
    await ready(settings, sessions, max_seconds=1e-6)

    await runner(settings, sessions).do(await claimed(sessions))

    *_, (_, _, last) = await published(sessions)
    assert isinstance(last, AdapterTrained)
    assert last.steps == 1
    assert "its time was over after 1 of 6 steps: max_seconds is 1e-06" in caplog.text


async def test_a_later_attempt_keeps_the_prompt_of_the_first(
    settings: Settings, sessions: Sessions, tmp_path: Path
) -> None:
    request, blobs = requested(), Blobs(settings.blob_url)
    event = frozen(request.job_id, await dataset(settings, 2))
    for prompt in ("Be short.", "Be long."):
        await prepare(settings, blobs, tmp_path / "job", request, event, prompt)

    assert Job.read(tmp_path / "job").prompt == "Be short."


async def train_until_killed(folder: Path, at: int) -> None:
    async with training(folder, 1, 1, 60) as steps:
        async for step in steps:
            if step.step == at:
                [child] = psutil.Process().children()
                os.kill(child.pid, signal.SIGKILL)


async def test_a_killed_training_goes_on_from_its_checkpoint(
    settings: Settings, sessions: Sessions
) -> None:
    job_id = await ready(settings, sessions, max_steps=12)
    job = await claimed(sessions)
    request, folder = requested(job_id, max_steps=12), folder_of(settings, "acme", job_id)
    event = frozen(job_id, await dataset(settings, 6, replayed=5))
    await prepare(settings, Blobs(settings.blob_url), folder, request, event, "Be short.")
    with pytest.raises(Failed, match="status -9"):
        await train_until_killed(folder, at=5)
    assert (folder / "checkpoint.pt").exists()

    await runner(settings, sessions).do(job)

    told = [event for _, _, event in await published(sessions)]
    first = told[0]
    assert isinstance(first, TrainingProgressed)
    assert first.step >= 5  # it knew 4 of them
    assert isinstance(told[-1], AdapterTrained)
    assert told[-1].steps == 12


async def test_a_training_begins_anew_where_its_checkpoint_is_damaged(
    settings: Settings, sessions: Sessions, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = await ready(settings, sessions, alpha=0.5)
    folder = folder_of(settings, "acme", job_id)
    folder.mkdir(parents=True)
    (folder / "checkpoint.pt").write_bytes(b"PK\x03\x04 half of it")

    await runner(settings, sessions).do(await claimed(sessions))

    *_, (_, _, last) = await published(sessions)
    assert isinstance(last, AdapterTrained)
    assert last.steps == 6
    assert "checkpoint.pt is damaged, the training begins anew" in caplog.text
    place = Path(last.adapter_uri.removeprefix("file://"))
    config = json.loads((place / "adapter_config.json").read_bytes())
    assert config["lora_alpha"] == 0.5
    assert "/" not in config["base_model_name_or_path"], "a path of this machine"


async def test_nothing_outlives_a_runner_that_is_cancelled(
    settings: Settings, sessions: Sessions
) -> None:
    await ready(settings, sessions, max_steps=100_000)
    job = await claimed(sessions)
    doing = asyncio.create_task(runner(settings, sessions).do(job))
    while not await published(sessions):
        await asyncio.sleep(0.05)
        assert not doing.done(), doing

    doing.cancel()
    await asyncio.gather(doing, return_exceptions=True)

    assert [child for child in psutil.Process().children() if child.status() != "zombie"] == []


async def test_a_training_goes_on_while_nobody_can_be_told(
    settings: Settings, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def tell(*_: object) -> None:
        raise Unavailable("database is locked")

    monkeypatch.setattr(Runner, "_tell", tell)
    await ready(settings, sessions)

    await runner(settings, sessions).do(await claimed(sessions))

    [(_, _, event)] = await published(sessions)
    assert isinstance(event, AdapterTrained)


async def test_who_was_overtaken_publishes_nothing(settings: Settings, sessions: Sessions) -> None:
    await ready(settings, sessions)
    old = await claimed(sessions, lease_s=-1)
    await claimed(sessions)

    with pytest.raises(LostLease):
        await runner(settings, sessions).do(old)

    assert await published(sessions) == []


async def test_who_was_overtaken_stores_nothing_and_spoils_nothing(
    settings: Settings, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def tell(*_: object) -> None:
        """Let nobody notice before the training's end."""

    monkeypatch.setattr(Runner, "_tell", tell)
    job_id = await ready(settings, sessions)
    old = await claimed(sessions, lease_s=-1)
    new = await claimed(sessions)
    theirs = adapter_of(folder_of(settings, "acme", job_id), new.token)
    theirs.mkdir(parents=True)

    with pytest.raises(LostLease):
        await runner(settings, sessions).do(old)

    assert list(theirs.iterdir()) == []
    assert not (settings.home / "adapters").exists()


async def test_a_training_that_fails_is_tried_again_and_then_said_to_have_failed(
    settings: Settings, sessions: Sessions, tmp_path: Path
) -> None:
    broken = tmp_path / "model"
    broken.mkdir()
    settings = settings.model_copy(update={"model_path": broken, "attempts": 2})
    job_id = await ready(settings, sessions)

    with pytest.raises(Unavailable, match="attempt 1: the training ended with status 1"):
        await runner(settings, sessions).do(await claimed(sessions, lease_s=-1))
    await runner(settings, sessions).do(await claimed(sessions))

    [(_, _, event)] = await published(sessions)
    assert isinstance(event, TrainingFailed)
    assert not folder_of(settings, "acme", job_id).exists()
    assert "2 attempts: the training ended with status 1: the training cannot begin" in event.reason
    assert await state(sessions, job_id) == "failed"


async def test_kills_are_no_failures_of_the_job(
    settings: Settings, sessions: Sessions, tmp_path: Path
) -> None:
    broken = tmp_path / "model"
    broken.mkdir()
    await ready(settings, sessions)
    for _ in range(settings.attempts):
        await claimed(sessions, lease_s=-1)

    with pytest.raises(Unavailable, match="attempt 1: the training ended with status 1"):
        await runner(settings.model_copy(update={"model_path": broken}), sessions).do(
            await claimed(sessions)
        )


async def test_a_training_that_writes_anything_else_than_steps_has_failed(
    settings: Settings, sessions: Sessions, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    talker = tmp_path / "talker"
    talker.write_text("#!/bin/sh\necho Have a nice day\n")
    talker.chmod(0o755)
    monkeypatch.setattr("gyre_finetune.child.sys.executable", str(talker))
    await ready(settings, sessions)

    with pytest.raises(Unavailable, match="wrote what is no step: Have a nice day"):
        await runner(settings, sessions).do(await claimed(sessions))


@pytest.mark.parametrize("says", ["", "exec >&-"])
async def test_a_training_that_is_stuck_is_ended_and_has_failed(
    settings: Settings,
    sessions: Sessions,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    says: str,
) -> None:
    stuck = tmp_path / "stuck"
    stuck.write_text(f"#!/bin/sh\n{says}\nsleep 60\n")
    stuck.chmod(0o755)
    monkeypatch.setattr("gyre_finetune.child.sys.executable", str(stuck))
    settings = settings.model_copy(update={"silence_s": 0.2, "attempts": 2})
    job_id = await ready(settings, sessions)

    async with asyncio.timeout(20):
        with pytest.raises(Unavailable, match=r"attempt 1: the training said nothing for 0\.2 s"):
            await runner(settings, sessions).do(await claimed(sessions, lease_s=-1))
        await runner(settings, sessions).do(await claimed(sessions))

    assert await state(sessions, job_id) == "failed"
    assert [child for child in psutil.Process().children() if child.status() != "zombie"] == []


@pytest.mark.parametrize(
    ("seam", "error", "reason"),
    [
        ("prepare", OSError("no space left on device"), "1 attempts: no space left on device"),
        ("adapters.seal", Rejected("no weights"), "no weights"),
    ],
)
async def test_whatever_goes_wrong_ends_the_job(
    settings: Settings,
    sessions: Sessions,
    monkeypatch: pytest.MonkeyPatch,
    seam: str,
    error: Exception,
    reason: str,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(f"gyre_finetune.running.{seam}", fail)
    job_id = await ready(settings, sessions)

    once = settings.model_copy(update={"attempts": 1})
    await runner(once, sessions).do(await claimed(sessions))

    *_, (_, _, event) = await published(sessions)
    assert isinstance(event, TrainingFailed)
    assert event.reason == reason
    assert await state(sessions, job_id) == "failed"


async def test_a_job_that_has_met_a_bug_too_often_is_not_tried_again(
    settings: Settings, sessions: Sessions
) -> None:
    job_id = await ready(settings, sessions)
    async with transaction(sessions) as session:
        job = await session.get_one(Training, ("acme", job_id))
        job.failures = settings.attempts
        session.add(job)

    await runner(settings, sessions).do(await claimed(sessions))

    [(_, _, event)] = await published(sessions)
    assert isinstance(event, TrainingFailed)
    assert event.reason == "3 attempts ended in a bug: see the log of the runner"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"train": Dataset(digest="0" * 64, examples=1)}, "there is no blob 0000"),
        ({"train": None}, "no example to train on"),
    ],
)
async def test_a_dataset_that_is_none_ends_the_job_at_once(
    settings: Settings, sessions: Sessions, change: dict[str, Dataset | None], reason: str
) -> None:
    job_id = await ready(settings, sessions)
    parts = await dataset(settings, 0)
    parts |= {name: value for name, value in change.items() if value is not None}
    async with transaction(sessions) as session:
        job = await session.get_one(Training, ("acme", job_id))
        job.dataset = frozen(job_id, parts).model_dump(mode="json")
        session.add(job)

    await runner(settings, sessions).do(await claimed(sessions))

    [(_, _, event)] = await published(sessions)
    assert isinstance(event, TrainingFailed)
    assert reason in event.reason


async def test_another_base_is_said(settings: Settings, sessions: Sessions) -> None:
    await ready(settings, sessions)
    other = settings.model_copy(update={"model_digest": "b" * 64, "model_name": "other"})

    await runner(other, sessions).do(await claimed(sessions))

    [(_, _, event)] = await published(sessions)
    assert isinstance(event, TrainingFailed)
    assert "the job is for the base tiny (aaaaaaaa), here is other (bbbbbbbb)" in event.reason

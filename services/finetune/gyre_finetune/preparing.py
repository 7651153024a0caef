"""From a job's row to a folder that can be trained on: manifests are read, examples gathered."""

import json
from pathlib import Path
from uuid import UUID

from anyio import to_thread
from pydantic import ValidationError

from gyre_events import DatasetFrozen, RetrainingRequested
from gyre_finetune.settings import Settings
from gyre_finetune.training.examples import Example, read_examples
from gyre_finetune.training.job import EXAMPLES, JOB, Job, put
from gyre_service.blobs import Blobs
from gyre_service.errors import Rejected


def folder_of(settings: Settings, tenant: str, job_id: UUID) -> Path:
    return settings.home / "finetune" / tenant / str(job_id)


async def prepare(
    settings: Settings,
    blobs: Blobs,
    folder: Path,
    request: RetrainingRequested,
    dataset: DatasetFrozen,
    prompt: str,
) -> tuple[int, int]:
    """Write what a training needs into `folder`; return how many examples are new and replayed.

    The holdout is not read: it will measure what comes of this. The prompt of the first attempt
    stays: a checkpoint has learned to answer to that.

    Raises:
        Rejected: The job is for another base, or its dataset is not what it should be.
        NotFound: A part of the dataset is missing.
        Unavailable: The blob folder is away.
    """
    if request.base.digest != settings.model_digest:
        raise Rejected(
            f"the job is for the base {request.base.name} ({request.base.digest[:8]}), "
            f"here is {settings.model_name} ({settings.model_digest[:8]})"
        )
    new = await _examples(blobs, dataset.train.digest, replayed=False)
    if not new:
        raise Rejected("the dataset has no example to train on")
    replayed = await _examples(blobs, dataset.replay.digest, replayed=True)
    shipped = settings.replay_path
    if request.training.replay > 0 and shipped is not None and shipped.is_file():
        replayed += await to_thread.run_sync(lambda: list(read_examples(shipped, replayed=True)))
    if (folder / JOB).is_file():
        prompt = Job.read(folder).prompt
    job = Job(
        model_path=settings.model_path,
        model_name=settings.model_name,
        model_digest=settings.model_digest,
        prompt=prompt,
        policy=request.training,
        threads=settings.threads,
        checkpoint_steps=settings.checkpoint_steps,
    )
    await to_thread.run_sync(_write, folder, job, [*new, *replayed])
    return len(new), len(replayed)


async def _examples(blobs: Blobs, digest: str, *, replayed: bool) -> list[Example]:
    found = []
    try:
        for row in json.loads(await blobs.get(digest))["examples"]:
            content = json.loads(await blobs.get(row["digest"]))
            passages = [passage["text"] for passage in content["passages"]]
            content |= {"passages": passages, "replayed": replayed}
            found.append(Example.model_validate(content))
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise Rejected(f"dataset {digest[:12]} is not readable: {error!r}") from error
    return found


def _write(folder: Path, job: Job, examples: list[Example]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # The same in every attempt: a checkpoint goes on in the order of these.
    lines = "".join(example.model_dump_json() + "\n" for example in examples)
    put(folder / EXAMPLES, lines)
    job.write(folder)

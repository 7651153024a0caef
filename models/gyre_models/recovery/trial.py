"""One seed: a shift, an adapter of the fine-tune worker's trainer, and four measurements."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gyre_models import replay
from gyre_models.evaluate_reference import Reader
from gyre_models.folder import digest_of, digests
from gyre_models.shifts import Case, World, known_world, moved_world, shift_of

EXAMPLES = 300  # curated, at most
MEASURED = 200  # questions of each measurement
SHOWN = 4  # passages of a prompt
THINGS = 3_000  # a document each: ten times as many as there are examples
BATCH = 25
# As an operator would set it for so small a model; else as the platform trains by default.
POLICY = {"learning_rate": 4e-3, "batch_examples": 32, "alpha": 16, "replay": 1.2}


@dataclass(frozen=True)
class Trial:
    """Shares of exactly right answers.

    Attributes:
        seed: Of shift, worlds and training.
        shift: What has changed.
        examples: Curated, that the adapter was trained on.
        unshifted: Of the base, before.
        shifted_before: Of the base, after the shift.
        shifted_after: Of the adapter.
        retained: Of the adapter, on what was asked before.
        seconds: Of training, without loading.
    """

    seed: int
    shift: str
    examples: int
    unshifted: float
    shifted_before: float
    shifted_after: float
    retained: float
    seconds: float

    @property
    def recovered_ratio(self) -> float:
        return self.shifted_after / self.unshifted

    @property
    def retention_ratio(self) -> float:
        return self.retained / self.unshifted


@dataclass(frozen=True)
class Asked:
    """A question as the model sees it, and the answer wanted."""

    question: str
    passages: tuple[str, ...]
    answer: str

    @property
    def prompt(self) -> str:
        numbered = "".join(f"[{n}] {text}\n" for n, text in enumerate(self.passages, 1))
        return f"{numbered}\nQuestion: {self.question}"


def asked(cases: Sequence[Case], world: World, seed: int) -> Iterator[Asked]:
    """Yield each case with its document among others, drawn, in a drawn order."""
    rng = random.Random(f"asked/{seed}")
    texts = {document.name: document.text.strip() for document in world.documents}
    for case in cases:
        assert case.document is not None
        others = rng.sample(sorted(texts.keys() - {case.document}), SHOWN - 1)
        shown = [case.document, *others]
        rng.shuffle(shown)
        wanted = case.answer(shown.index(case.document) + 1)
        yield Asked(case.question, tuple(texts[name] for name in shown), wanted)


def quality(reader: Reader, questions: Sequence[Asked]) -> float:
    """Return the share of exactly right answers."""
    right = 0
    for start in range(0, len(questions), BATCH):
        part = questions[start : start + BATCH]
        answers = reader.answers([one.prompt for one in part])
        right += sum(said == one.answer for said, one in zip(answers, part, strict=True))
    return right / len(questions)


def run(seed: int, model: Path, folder: Path) -> Trial:
    """Train and measure.

    Args:
        seed: Of everything.
        model: The reference model.
        folder: For the training; made.
    """
    shift = shift_of(seed)
    known = known_world(seed, THINGS)
    moved = moved_world(seed, THINGS, shift=shift)
    before = list(asked(known.held_out[:MEASURED], known, seed))
    after = list(asked(moved.held_out[:MEASURED], moved, seed))
    curated = list(asked(moved.taught[:EXAMPLES], moved, seed))
    base = Reader(model)
    unshifted, shifted = quality(base, before), quality(base, after)
    seconds = train(seed, model, folder, curated)
    taught = Reader(model, folder / "adapter.1")
    return Trial(
        seed,
        str(shift),
        len(curated),
        unshifted,
        shifted,
        quality(taught, after),
        quality(taught, before),
        seconds,
    )


def train(seed: int, model: Path, folder: Path, curated: Sequence[Asked]) -> float:
    """Write a job as the fine-tune worker does, and have its trainer do it; return its seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [asdict(one) for one in curated] + [
        row | {"replayed": True} for row in replay.examples()
    ]
    (folder / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    job = {
        "model_path": str(model),
        "model_name": "reference",
        "model_digest": digest_of(digests(model)),
        "prompt": "",
        "policy": POLICY | {"seed": seed},
    }
    (folder / "job.json").write_text(json.dumps(job))
    command = [sys.executable, "-m", "gyre_finetune.training", str(folder), "1", str(os.getpid())]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1])["elapsed_s"])

"""What the process that trains is told, and the files of its folder. No torch."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from gyre_events import TrainingPolicy
from gyre_service.ids import new_id

JOB, EXAMPLES, CHECKPOINT = "job.json", "examples.jsonl", "checkpoint.pt"
EPOCHS = 16  # of the new examples, where the policy's steps allow


def adapter_of(folder: Path, token: int) -> Path:
    """Return where the adapter of a claim goes: who was overtaken may still be writing his."""
    return folder / f"adapter.{token}"


def put(path: Path, text: str) -> None:
    """Write a file that the process of another claim may be reading: it is whole at any time."""
    unfinished = path.with_name(f".{path.name}.{new_id()}")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


class Job(BaseModel):
    """A training as its folder describes it.

    Attributes:
        model_path: The base, as it is served.
        model_name: Its name, for the adapter's configuration.
        model_digest: Its digest, as the adapter's revision.
        prompt: The route's system message.
        policy: How to train.
        threads: Of the processor.
        checkpoint_steps: Between two checkpoints.
    """

    model_config = ConfigDict(frozen=True)

    model_path: Path
    model_name: str
    model_digest: str
    prompt: str
    policy: TrainingPolicy
    threads: int = 1
    checkpoint_steps: int = 20

    def write(self, folder: Path) -> None:
        put(folder / JOB, self.model_dump_json())

    @classmethod
    def read(cls, folder: Path) -> "Job":
        return cls.model_validate_json((folder / JOB).read_bytes())


class Step(BaseModel):
    """One line of the process's output; `final` is the last one, and then the adapter is there."""

    model_config = ConfigDict(frozen=True)

    step: int
    steps: int
    loss: float
    learning_rate: float
    tokens: int
    elapsed_s: float
    final: bool = False

"""What the finetune service and its runner need to start."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from gyre_service.settings import Seconds, ServiceSettings


class Settings(ServiceSettings):
    """The model as `python -m gyre_models.prepare` made it: what inference serves."""

    service: str = "finetune"
    model_name: Annotated[str, Field(min_length=1)]
    model_path: Path
    model_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    # JSON Lines of {question, passages, answer}: what the base knows, beside a route's own replay.
    replay_path: Path | None = None
    data_grace_s: Seconds = 60  # after a request's deadline, for a dataset that is on its way
    lease_s: Seconds = 15  # after so long without a sign a runner counts as dead
    attempts: Annotated[int, Field(ge=1)] = 3  # of a training whose process fails
    # To a training's first step, from one to the next, and to its end: then it is stuck. A slow
    # machine loads the model for minutes; a step that takes longer than this was hopeless anyway.
    silence_s: Seconds = 3_600
    threads: Annotated[int, Field(ge=1)] = 1  # of a training: serving has the cores first
    checkpoint_steps: Annotated[int, Field(ge=1)] = 20

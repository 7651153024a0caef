"""What the inference service needs to start."""

import socket
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gyre_service.settings import Seconds, ServiceSettings

Count = Annotated[int, Field(ge=1)]


class Settings(ServiceSettings):
    """The model as `python -m gyre_models.prepare` made it, and the limits of its engine."""

    service: str = "inference"
    replica: str = ""  # default: host and port
    model_name: Annotated[str, Field(min_length=1)]
    model_path: Path
    model_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"  # auto: by the processor
    max_model_len: Count = 2048  # tokens, prompt and answer; less if the model takes less
    max_prompt_tokens: Count = 1536  # more passages than fit are left out
    kv_cache_mib: Count = 256
    batch_tokens: Count = 256  # of one engine step: a step should stay under 2 s
    batch_requests: Count = 16  # that the engine works on at once
    max_in_flight: Count = 64  # questions at once; the next one is refused
    max_spooled: Count = 100_000  # events that wait for Kafka; then questions are refused
    max_loras: Count = 2  # in one step of the engine
    max_cpu_loras: Count = 4  # in memory
    max_lora_rank: Literal[1, 8, 16, 32, 64, 128, 256, 320, 512] = 16
    answer_timeout_s: Seconds = 120
    search_timeout_s: Seconds = 5
    adapter_timeout_s: Seconds = 120  # to load one and prove it; then it is tried again
    adapter_wait_s: Seconds = 60  # for a folder that is not there; then the adapter is refused
    hang_s: Seconds = 14  # work waits and no engine step ends: the engine is restarted
    probe_s: Seconds = 3  # without a step: one token is made, to see that the engine still can
    keep_answers_s: Seconds = 86_400  # for who asks again under the same request id

    @model_validator(mode="after")
    def _name_the_replica(self) -> Self:
        if not self.replica:
            object.__setattr__(self, "replica", f"{socket.gethostname()}:{self.grpc_port}")
        return self

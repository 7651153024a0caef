"""What the inference service needs to start."""

import re
import socket
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from gyre_inference.pricing import SHIPPED, read_prices
from gyre_service.ids import now
from gyre_service.settings import Seconds, ServiceSettings

Count = Annotated[int, Field(ge=1)]


# An endpoint may cache by name, so a name has the digest in it.
NAME_OF_ADAPTER = r"^[^{}]*\{(name|digest)\}[^{}]*$"
PATH_OF_ADAPTER = r"^([^{}]|\{(name|digest|path)\})+$"
BASE_URL = re.compile(r"^https?://([^/?#@:\s\[\]]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?(/[^?#\s]*)?$")


class Settings(ServiceSettings):
    """The model as `python -m gyre_models.prepare` made it, and the limits of its engine."""

    service: str = "inference"
    replica: str = ""  # default: host and port
    model_name: Annotated[str, Field(min_length=1)]
    engine: Literal["vllm", "openai"] = "vllm"
    model_path: Annotated[Path, Field(validate_default=True)] = Path()  # of vLLM
    model_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"  # auto: by the processor
    max_model_len: Count = 2048  # tokens, prompt and answer; less if the model takes less
    max_prompt_tokens: Count = 1536  # more passages than fit are left out
    kv_cache_mib: Count = 256
    batch_tokens: Count = 256  # of one engine step: a step should stay under 2 s
    batch_requests: Count = 16  # that the engine works on at once
    max_in_flight: Count = 64  # questions at once; the next one is refused
    max_spooled: Count = 100_000  # events that wait for Kafka; then questions are refused
    max_loras: Count = 4  # loaded at once, each with a place in every step of the engine
    max_lora_rank: Literal[1, 8, 16, 32, 64, 128, 256, 320, 512] = 16
    answer_timeout_s: Seconds = 120
    search_timeout_s: Seconds = 5
    adapter_timeout_s: Seconds = 120  # to load one and prove it; then it is tried again
    adapter_wait_s: Seconds = 60  # for a folder that is not there; then the adapter is refused
    hang_s: Seconds = 12  # work waits and no engine step ends: the engine is restarted
    probe_s: Seconds = 3  # without a step: one token is made, to see that the engine still can
    keep_answers_s: Seconds = 86_400  # for who asks again under the same request id
    price_table: Path = SHIPPED  # TOML, as the shipped one

    @field_validator("price_table")
    @classmethod
    def _prices_the_model(cls, path: Path, info: ValidationInfo) -> Path:
        if "model_name" in info.data:  # else that is said already
            read_prices(path, info.data["model_name"], now())
        return path

    openai_base_url: Annotated[str, Field(validate_default=True)] = ""
    openai_api_key: SecretStr = SecretStr("")
    openai_model: str = ""  # what the endpoint calls the model; default: as we do
    openai_adapters: Literal["none", "named", "loaded"] = "none"  # are there, or loaded by us
    openai_adapter_name: Annotated[str, Field(pattern=NAME_OF_ADAPTER)] = "{name}"
    openai_adapter_path: Annotated[str, Field(pattern=PATH_OF_ADAPTER)] = "{path}"  # as it sees it
    openai_probe_s: Seconds = 5  # between two looks at the endpoint
    openai_silence_s: Seconds = 60  # to its next token; then it counts as hung

    @field_validator("model_path")
    @classmethod
    def _vllm_has_a_folder(cls, path: Path, read: ValidationInfo) -> Path:
        if read.data.get("engine") == "vllm" and path == Path():
            raise ValueError("expected the folder of a prepared model, or GYRE_ENGINE=openai")
        return path

    @field_validator("openai_base_url")
    @classmethod
    def _openai_has_an_address(cls, url: str, read: ValidationInfo) -> str:
        if read.data.get("engine") == "openai" and not BASE_URL.match(url):
            raise ValueError("expected the address of an API, as http://host:8000/v1")
        return url

    @model_validator(mode="after")
    def _name_the_rest(self) -> Self:
        if not self.replica:
            object.__setattr__(self, "replica", f"{socket.gethostname()}:{self.grpc_port}")
        if not self.openai_model:
            object.__setattr__(self, "openai_model", self.model_name)
        return self

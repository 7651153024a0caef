"""Settings every service shares. One class of each service reads them, nothing else."""

import sys
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar, get_args

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

S = TypeVar("S", bound="ServiceSettings")
Seconds = Annotated[float, Field(gt=0)]
Port = Annotated[int, Field(ge=1, le=65535)]

# Their order fixes the ports of a stack (deploy/README.md).
SERVICES = (
    "gateway",
    "ingestion",
    "retrieval",
    "inference",
    "evaluation",
    "feedback",
    "drift",
    "finetune",
    "registry",
)


class ServiceSettings(BaseSettings):
    """Read from the environment, checked at start-up, frozen afterwards.

    With `home` and `port_base` alone every service of an embedded stack finds all others;
    elsewhere each address is told.
    """

    model_config = SettingsConfigDict(env_prefix="GYRE_", frozen=True, extra="ignore")

    service: str  # also the consumer group and the client id
    home: Path = Path("var")
    port_base: Annotated[int, Field(ge=1024, le=65435)] = 8000
    host: str = "127.0.0.1"  # what servers listen on: loopback, as long as nothing is encrypted
    kafka_servers: str = ""
    database_url: SecretStr = SecretStr("")
    blob_url: str = ""  # any fsspec location
    adapter_url: str = ""  # too
    http_port: Port | None = None  # the gateway's
    grpc_port: Port | None = None
    health_port: Port | None = None
    retrieval_address: str = ""
    inference_address: str = ""
    evaluation_address: str = ""
    drift_address: str = ""
    registry_address: str = ""
    service_token: SecretStr = SecretStr("")  # with it, one service calls inference for a tenant
    key_pepper: SecretStr = SecretStr("embedded")
    otlp_endpoint: str = ""  # http://host:4318; empty: traces are not exported
    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"
    grpc_reflection: bool = True
    publish_timeout_s: Seconds = 10
    # From SIGTERM, when we are not ready any more, until clients are turned away.
    drain_s: Annotated[float, Field(ge=0, le=10)] = 2
    # Waits before the second, third ... attempt; together under max.poll.interval.ms.
    retry_pauses_s: Annotated[tuple[float, ...], Field(min_length=1)] = (0.5, 2, 8)
    max_parked_in_a_row: Annotated[int, Field(ge=1)] = 20
    stalled_consumer_s: Seconds = 120  # idle in front of records: well above a rebalance's 60
    max_loop_lag_s: Seconds = 1
    late_loop_s: Seconds = 60  # with more lag than that at every look

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, values: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in values.items() if value != ""}

    @model_validator(mode="after")
    def _find_the_rest_of_the_stack(self) -> Self:
        def default(name: str, value: object) -> None:
            now = getattr(self, name)
            if now is None or now == "" or now == SecretStr(""):
                object.__setattr__(self, name, value)

        def grpc(service: str) -> int:
            if service == "inference":  # public, beside the gateway
                return self.port_base + 1
            return self.port_base + 10 + 2 * SERVICES.index(service)

        # A relative home would mean another place to every service with another folder.
        object.__setattr__(self, "home", self.home.expanduser().absolute())
        index = SERVICES.index(self.service) if self.service in SERVICES else 0
        default("kafka_servers", f"127.0.0.1:{self.port_base + 2}")
        file = self.home / "data" / f"{self.service}.db"
        default("database_url", SecretStr(f"sqlite+aiosqlite:///{file}"))
        default("blob_url", str(self.home / "blobs"))
        default("adapter_url", str(self.home / "adapters"))
        default("http_port", self.port_base)
        default("grpc_port", grpc(self.service) if self.service in SERVICES else grpc("gateway"))
        default("health_port", self.port_base + 11 + 2 * index)
        for service in ("retrieval", "inference", "evaluation", "drift", "registry"):
            default(f"{service}_address", f"127.0.0.1:{grpc(service)}")
        return self


def read(settings_type: type[S], **told: Any) -> S:
    """Return settings from the environment, or end the process with one line per mistake.

    Args:
        settings_type: Of the service.
        told: Values that are not looked for there.
    """
    try:
        return settings_type(**told)
    except ValidationError as error:
        for wrong in error.errors():
            name = "GYRE_" + "_".join(str(part) for part in wrong["loc"]).upper()
            value = f"={wrong['input']!r}" if _may_be_printed(settings_type, wrong) else ""
            sys.stderr.write(f"{name}{value}: {wrong['msg']}\n")
        sys.exit(2)
    except SettingsError as error:  # a list that is not JSON: it names the field
        sys.exit(f"{error}: expected JSON, as [1, 2]")


def _may_be_printed(settings_type: type[ServiceSettings], wrong: ErrorDetails) -> bool:
    """Return whether the input that was wrong is one setting's, and no secret."""
    # What is missing, and what is wrong with all together, has all the settings for its input.
    if wrong["type"] == "missing" or not wrong["loc"]:
        return False
    field = settings_type.model_fields.get(str(wrong["loc"][0]))
    return field is not None and not _holds_secret(field.annotation)


def _holds_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(map(_holds_secret, get_args(annotation)))

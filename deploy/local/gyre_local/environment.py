"""What a service of the embedded stack finds in its environment."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gyre_local.stack import Stack, is_runner

# An operator's own settings reach every service; the rest of the shell does not restart them.
PASSED_ON = ("GYRE_", "OTEL_", "VLLM_", "HF_")
TOLD_OF_MODEL = ("inference", "registry", "finetune", "finetune-runner")


@dataclass(frozen=True)
class Model:
    """The served base model: its name, its prepared folder, and the digest of that."""

    name: str
    path: str
    digest: str


def secret(path: Path) -> str:
    """A random secret, made once, readable by its owner only."""
    if not path.exists():
        partial = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
        partial.rename(path)
    return path.read_text().strip()


def of_service(
    stack: Stack, service: str, model: Model | None, shell: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The variables a service gets; it computes the rest from home and port base.

    Those of the model only reach who is told of it: another model restarts nobody else.
    """
    given = {name: value for name, value in shell.items() if name.startswith(PASSED_ON)}
    given |= {
        "GYRE_HOME": str(stack.home),
        "GYRE_PORT_BASE": str(stack.base),
        "GYRE_SERVICE_TOKEN": secret(stack.run / "service-token"),
        "GYRE_KEY_PEPPER": secret(stack.run / "key-pepper"),
        "PYTHONUNBUFFERED": "1",  # a log shows what happened before a kill -9
    }
    if is_runner(service):  # computed for the service, where the runner's stands already
        given["GYRE_HEALTH_PORT"] = str(stack.health_port(service))
    if model is not None and service in TOLD_OF_MODEL:
        given |= {
            "GYRE_MODEL_NAME": model.name,
            "GYRE_MODEL_PATH": model.path,
            "GYRE_MODEL_DIGEST": model.digest,
            # Of what the base knows already, for trainings; not every model has it.
            "GYRE_REPLAY_PATH": str(stack.repo / "models" / "replay" / f"{model.name}.jsonl"),
        }
    return given

"""What a service of the embedded stack finds in its environment."""

import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gyre_local import sources
from gyre_local.errors import StackError
from gyre_local.stack import Stack, is_runner

# An operator's own settings reach every service; the rest of the shell does not restart them.
PASSED_ON = ("GYRE_", "OTEL_", "VLLM_", "HF_")
ENDPOINT = "GYRE_OPENAI_"  # its key is nobody's business but the engine's
TOLD_OF_MODEL = ("inference", "registry", "finetune", "finetune-runner")


@dataclass(frozen=True)
class Model:
    """The served base model: its name, its prepared folder (or none), and the digest of that."""

    name: str
    path: str
    digest: str


def elsewhere(stack: Stack, shell: Mapping[str, str] = os.environ) -> Model | None:
    """The model of an OpenAI-compatible endpoint, if it is that and none is prepared here.

    Its digest stands for its name and `GYRE_MODEL_REVISION`, unless `GYRE_MODEL_DIGEST` says it.

    Raises:
        StackError: The endpoint has no address, or its model no name.
    """
    if shell.get("GYRE_ENGINE") != "openai" or shell.get("MODEL"):
        return None
    for wanted, example in (("BASE_URL", "http://host:8000/v1"), ("MODEL", "llama3.2:3b")):
        if not shell.get(ENDPOINT + wanted):
            raise StackError(f"GYRE_ENGINE=openai needs {ENDPOINT}{wanted}, as {example}")
    name = shell[f"{ENDPOINT}MODEL"]
    revision = shell.get("GYRE_MODEL_REVISION", "")
    digest = shell.get("GYRE_MODEL_DIGEST") or _sha256(f"{name}\n{revision}\n")
    path = stack.cache / "models" / "served-elsewhere"  # where a training finds no model
    return Model(name.replace("/", "--"), str(path), digest)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def secret(path: Path) -> str:
    """A random secret, made once, readable by its owner only."""
    if not path.exists():
        partial = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
        partial.rename(path)
    return path.read_text().strip()


def passed_on(shell: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What of an operator's shell reaches the services."""
    return {name: value for name, value in shell.items() if name.startswith(PASSED_ON)}


def of_service(
    stack: Stack, service: str, model: Model | None, shell: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The variables a service gets; it computes the rest from home and port base.

    Those of the model only reach who is told of it: another model restarts nobody else.
    """
    given = {
        name: value
        for name, value in passed_on(shell).items()
        if service == "inference" or not name.startswith(ENDPOINT)
    }
    given |= {
        "GYRE_HOME": str(stack.home),
        "GYRE_PORT_BASE": str(stack.base),
        "GYRE_SERVICE_TOKEN": secret(stack.run / "service-token"),
        "GYRE_KEY_PEPPER": secret(stack.run / "key-pepper"),
        "PYTHONUNBUFFERED": "1",  # a log shows what happened before a kill -9
        # For the supervisor: an old process would start its children from what was edited since.
        "GYRE_CODE": sources.digest(stack, service),
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

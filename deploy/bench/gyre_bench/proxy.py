"""LiteLLM's proxy, where it is installed: it is no dependency of ours."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gyre_bench.spawning import Spawned, spawned
from gyre_local.ready import answer

START = "import sys; from litellm import run_server; sys.exit(run_server())"
OFFLINE = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # else it asks the network for prices


def python() -> str:
    """Return the Python that may have LiteLLM: its own environment, or else ours."""
    return os.environ.get("LITELLM_PYTHON") or sys.executable


def installed() -> bool:
    """Whether LiteLLM can be imported; it is not imported, for that takes seconds."""
    found = "import sys; from importlib.util import find_spec; sys.exit(not find_spec('litellm'))"
    return subprocess.run([python(), "-c", found], check=False).returncode == 0


def config(model: str, port: int) -> str:
    """Return its configuration: one model, at an endpoint of this machine, nothing tried twice."""
    parameters = {
        "model": f"openai/{model}",
        "api_base": f"http://127.0.0.1:{port}/v1",
        "api_key": "none",
    }
    return json.dumps(  # which is YAML
        {
            "model_list": [{"model_name": model, "litellm_params": parameters}],
            "litellm_settings": {"num_retries": 0, "telemetry": False},
            # On loopback; a key would be one more thing for it to look up.
            "general_settings": {"dangerously_permit_weak_or_unset_master_key": True},
        },
        indent=2,
    )


@contextmanager
def proxy(folder: Path, model: str, endpoint: int, port: int) -> Iterator[Spawned]:
    """Have LiteLLM's proxy on `port` in front of the endpoint on the other one, ready.

    Args:
        folder: For its configuration and its log.
        model: What the endpoint calls its model.
        endpoint: The port of that.
        port: Of the proxy.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "litellm.json"
    file.write_text(config(model, endpoint))
    options = ["--config", str(file), "--host", "127.0.0.1", "--port", str(port)]
    command = [python(), "-c", START, *options]
    with spawned(command, folder / "litellm.log", OFFLINE) as process:
        process.until(lambda: answer(port, "/health/liveliness")[0] == 200)
        yield process

"""`python -m gyre_bench.startup RESULTS_FOLDER`: from spawn to ready, ours and `vllm serve`.

MODEL: default as of `make up`. RUNS: of each, 3.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from gyre_bench.errors import BenchError
from gyre_bench.plan import counted, order
from gyre_bench.spawning import spawned
from gyre_bench.stack import as_inference, model_of, running
from gyre_bench.telling import say, side_by_side
from gyre_inference.launching import engine_arguments, engine_environment
from gyre_inference.settings import Settings
from gyre_local.environment import Model
from gyre_local.errors import StackError
from gyre_local.ready import answer
from gyre_local.stack import Stack
from gyre_local.start import DEFAULT_MODEL

BARE_PORT = 90  # from the port base: no service is there
RUNS = 3
OURS, BARE = "inference", "vllm serve"
# What `vllm serve` runs: that command asks for the version of a package that the build for
# processors does not have by that name, and ends.
SERVER = "vllm.entrypoints.openai.api_server"


def flags(arguments: Mapping[str, Any]) -> list[str]:
    """Return the engine's arguments as vLLM's server takes them.

    What is false is left out, for it is vLLM's default too.

    >>> flags({"model": "m", "seed": 0, "enforce_eager": True, "trust_remote_code": False})
    ['--model', 'm', '--seed', '0', '--enforce-eager']
    """
    given = []
    for name, value in arguments.items():
        if value is False:
            continue
        given.append(f"--{name.replace('_', '-')}")
        if value is not True:
            given.append(json.dumps(value) if isinstance(value, dict) else str(value))
    return given


def ours(stack: Stack, model: Model) -> float:
    """Start `inference` as the supervisor does; return the seconds until health is SERVING."""
    command = [sys.executable, "-m", "gyre_inference"]
    log = stack.logs / "inference.log"
    with spawned(command, log, as_inference(stack, model)) as process:
        return process.until(lambda: serving(f"127.0.0.1:{stack.rpc_port('inference')}"))


def serving(address: str) -> bool:
    """Ask gRPC health; a channel each time, for one that failed waits before it tries again."""
    with grpc.insecure_channel(address) as channel:
        try:
            response = HealthStub(channel).Check(HealthCheckRequest(), timeout=2)
        except grpc.RpcError:
            return False
    return bool(response.status == HealthCheckResponse.SERVING)


def vllm_serve(settings: Settings, port: int) -> list[str]:
    """Return the command of vLLM's server with the engine's arguments that `inference` has."""
    where = ["--host", "127.0.0.1", "--port", str(port)]
    return [sys.executable, "-m", SERVER, *flags(engine_arguments(settings)), *where]


def bare(stack: Stack, settings: Settings) -> float:
    """Start `vllm serve` with our flags and environment; return the seconds until health is 200."""
    port, log = stack.base + BARE_PORT, stack.logs / "vllm-serve.log"
    with spawned(vllm_serve(settings, port), log, engine_environment(settings)) as process:
        return process.until(lambda: answer(port, "/health")[0] == 200)


def measure(name: str, runs: int) -> dict[str, list[float]]:
    """Return the seconds of every start.

    Kafka and the registry run beside both, for without a route `inference` is not ready.
    """
    seconds: dict[str, list[float]] = {OURS: [], BARE: []}
    with running(MODEL=name, SERVICES="registry") as stack:
        model = model_of(stack, name)
        settings = Settings(
            model_name=model.name,
            model_path=Path(model.path),
            model_digest=model.digest,
            home=stack.home,
        )
        for turn in order(runs, OURS, BARE):
            found = ours(stack, model) if turn == OURS else bare(stack, settings)
            seconds[turn].append(found)
            say(f"{turn:12} {found:6.1f} s")
    return seconds


def main() -> None:
    """Measure, then print medians and one line of JSON, which is kept too."""
    folder, name = Path(sys.argv[1]), os.environ.get("MODEL") or DEFAULT_MODEL
    runs = counted("RUNS", RUNS)
    try:
        seconds = measure(name, runs)
    except (BenchError, StackError) as error:
        raise SystemExit(f"bench-startup: {error}") from error
    side_by_side(name, seconds, "s", folder / "bench-startup.json", Stack.from_environment().repo)


if __name__ == "__main__":
    main()

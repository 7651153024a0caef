"""`make up` and `make kafka`: from nothing to a stack that is ready."""

import asyncio
import json
import os
import subprocess
import sys

from gyre_local import kafka, ports, programs, ready, tools, topics
from gyre_local.environment import TOLD_OF_MODEL, Model, elsewhere, of_service, passed_on
from gyre_local.errors import StackError
from gyre_local.programs import SERVICES_FILE
from gyre_local.progress import Progress, say, tail
from gyre_local.stack import Stack
from gyre_local.stop import end_leftovers
from gyre_local.supervisor import Supervisor

DEFAULT_MODEL = "gemma-3-270m"
KAFKA_S = 90


def start_kafka(stack: Stack, supervisor: Supervisor, progress: Progress) -> None:
    """Have a broker with every topic.

    Raises:
        StackError: Java, a port or a file is not as it must be, or the broker does not come up.
    """
    if supervisor.alive:
        _check_same(stack)
    else:
        end_leftovers(stack)
        _start_supervisor(stack, supervisor, progress)
    try:
        wanted = topics.wanted(tenants=topics.ingress_tenants())
        made = asyncio.run(topics.create(stack.kafka_servers, wanted, patience_s=KAFKA_S))
    except StackError as error:
        log = stack.logs / "kafka.log"
        raise StackError(f"{error}\nThe end of {log}:\n{tail(log)}") from error
    progress.step(f"Kafka is ready at {stack.kafka_servers}, {len(made)} topics created")


def _start_supervisor(stack: Stack, supervisor: Supervisor, progress: Progress) -> None:
    tools.check(stack, [])
    ports.check(stack, ["kafka"])
    for folder in (stack.run, stack.logs, stack.kafka_data, stack.cache / "kafka"):
        folder.mkdir(parents=True, exist_ok=True)
    stack.run.chmod(0o700)
    if kafka.fetch(stack, stack.logs / "setup.log"):
        progress.step("Kafka's jars are fetched")
    supervisor.config.write_text(programs.supervisord(stack, kafka.prepare(stack)))
    (stack.run / SERVICES_FILE).unlink(missing_ok=True)
    supervisor.start()


def _check_same(stack: Stack) -> None:
    if (stack.run / kafka.CONFIG).read_text() != kafka.properties(stack):
        raise StackError(
            f"the stack of {stack.home} runs with other ports or other settings of Kafka: "
            "end it first with make down"
        )


def prepare_model(stack: Stack, name: str) -> subprocess.Popen[str]:
    """Begin to convert and check the model; its terms and progress go to the terminal."""
    command = [sys.executable, "-m", "gyre_models.prepare", "--model", name]
    command += ["--cache", str(stack.cache / "models")]
    # Its own lines say how far it is; the bars of its libraries tear them apart.
    quiet = {"TQDM_DISABLE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | quiet)


def prepared(work: subprocess.Popen[str], name: str) -> Model:
    """Wait for the model.

    Raises:
        StackError: It cannot be had; the reason is on the terminal already.
    """
    output, _ = work.communicate()
    if work.returncode != 0:
        raise StackError(f"the model {name} cannot be prepared: see above")
    stated = json.loads(output.strip().splitlines()[-1])
    return Model(stated["name"], stated["path"], stated["digest"])


def kafka_only(stack: Stack) -> None:
    """Start Kafka with every topic, and none of the services.

    Raises:
        StackError: Something prevents it; says what.
    """
    start_kafka(stack, Supervisor(stack), Progress())
    say(f"GYRE_KAFKA_SERVERS={stack.kafka_servers}")


def up(stack: Stack) -> None:
    """Start what does not run yet, and return when everything is ready.

    Raises:
        StackError: Something prevents it; says what.
    """
    progress = Progress()
    supervisor = Supervisor(stack)
    chosen = os.environ.get("SERVICES", "").split() or stack.services()
    unknown = set(chosen) - set(stack.services())
    if unknown:
        raise StackError(f"no service {sorted(unknown)}: there are {stack.services()}")
    chosen = stack.programs(chosen)
    programs.written(passed_on())  # what cannot be is told before anything runs
    if not supervisor.alive:
        tools.check(stack, chosen)
        end_leftovers(stack)
    running = {name for name, process in supervisor.processes().items() if process.up}
    ports.check(stack, [name for name in ["kafka", *chosen] if name not in running])

    model = elsewhere(stack)
    name = model.name if model else os.environ.get("MODEL") or DEFAULT_MODEL
    preparing = None if model else prepare_model(stack, name)
    try:
        start_kafka(stack, supervisor, progress)
        if not (stack.run / SERVICES_FILE).exists():
            _run(stack, supervisor, [each for each in chosen if each not in TOLD_OF_MODEL], None)
        if preparing is not None:
            model = prepared(preparing, name)
            progress.step(f"model {name} is prepared")
    finally:
        if preparing is not None and preparing.poll() is None:
            preparing.terminate()
            preparing.wait()
    if not _run(stack, supervisor, chosen, model) and running >= set(chosen):
        progress.step("this stack is running already")
    ready.wait(stack, supervisor, chosen, progress)
    announce(stack)


def _run(stack: Stack, supervisor: Supervisor, services: list[str], model: Model | None) -> bool:
    """Have exactly these services run; say whether that is new."""
    file = stack.run / SERVICES_FILE
    before = file.read_text() if file.exists() else ""
    variables = {name: of_service(stack, name, model) for name in services}
    text = programs.services(stack, sys.executable, variables)
    file.touch(mode=0o600)  # it has the secrets
    file.write_text(text)
    supervisor.update()
    return text != before


def announce(stack: Stack) -> None:
    """Print where everything is, the gateway first, and what to try."""
    prefix = stack.make_prefix()
    named = "one of GYRE_API_KEYS"
    key = named if os.environ.get("GYRE_API_KEYS") else f"local, or {named} as last set"
    say(f"\nGyre is ready: http://127.0.0.1:{stack.gateway_port}   (console and API; key: {key})")
    say(f"inference gRPC 127.0.0.1:{stack.rpc_port('inference')}   Kafka {stack.kafka_servers}")
    say("\nTry:")
    for command in (
        "ingest README.md docs",
        'ask "What does Gyre do?"',
        "feedback last --up",
    ):
        say(f"  {prefix}.venv/bin/gyre {command}")
    say(f"\n{prefix}make status   {prefix}make logs SERVICE=inference   {prefix}make down")

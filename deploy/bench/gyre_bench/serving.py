"""`python -m gyre_bench.serving RESULTS_FOLDER`: bare engine, `inference` and gateway.

MODEL: only this one. REQUESTS: at most so many a cell. FRESH=1: nothing is taken from before.
"""

import asyncio
import json
import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import aiohttp
from grpc import aio

from gyre_bench import proxy, report
from gyre_bench.errors import BenchError
from gyre_bench.measuring import measure
from gyre_bench.plan import MODELS, Cell, Session, Size, sessions, size_of
from gyre_bench.processes import CLIENT, Processes
from gyre_bench.questions import Questions
from gyre_bench.results import Results, made_by
from gyre_bench.sides import Grpc, OpenAi, Sided, connected, to_endpoint, to_gateway
from gyre_bench.spawning import spawned
from gyre_bench.stack import KEYS, as_inference, furnish, model_of, pids_of, running, survey
from gyre_bench.telling import say, told
from gyre_client import GyreError
from gyre_local.errors import StackError
from gyre_local.ready import answer
from gyre_local.stack import Stack

Wanted = list[tuple[Cell, Size]]
ENDPOINT_PORT, PROXY_PORT = 90, 91  # from the port base: no service is there
REST_S = 10.0  # after the documents, before anything counts
# Each is one line; the cells before it are kept.
FAILURES = (BenchError, StackError, GyreError, aio.AioRpcError, aiohttp.ClientError, TimeoutError)


class Bench:
    """One run.

    Args:
        folder: Of the results.
        requests: At most so many a cell; None: all.
    """

    def __init__(self, folder: Path, requests: int | None) -> None:
        self._folder = folder
        self._requests = requests
        self._stack = Stack.from_environment()
        self.results = Results(folder / "bench-serving.jsonl", made_by(self._stack.repo))

    def wanted(self, session: Session) -> Wanted:
        """Return the cells of a session that are still to be measured."""
        sized = [(cell, size_of(cell, self._requests)) for cell in session.cells]
        return [(cell, size) for cell, size in sized if self.results.find(cell, size) is None]

    def run(self, model: str) -> None:
        """Measure what is still to be measured of a model."""
        for session in sessions(model):
            wanted = self.wanted(session)
            if not wanted:
                continue
            say(f"\n{model}: {len(wanted)} cells, {session.kind}")
            if session.kind == "stack":
                with running(MODEL=model) as stack:
                    asyncio.run(self._on_stack(stack, model, wanted))
            elif session.kind == "bare":
                self._bare(model, wanted)
            elif proxy.installed():
                self._behind_proxy(model, wanted)
            else:
                say("litellm: not installed")

    def measured(self, models: tuple[str, ...]) -> dict[Cell, dict[str, object]]:
        """Return the figures of every cell that has some."""
        cells = [cell for model in models for each in sessions(model) for cell in each.cells]
        found = ((cell, self.results.find(cell, size_of(cell, self._requests))) for cell in cells)
        return {cell: figures for cell, figures in found if figures is not None}

    def forget(self) -> None:
        """Take nothing from before."""
        for path in self._folder.glob("bench-serving*.json*"):
            path.unlink()

    def _questions(self, model: str) -> Path:
        return self._folder / f"bench-serving-questions-{model}.json"

    def _add(self, cell: Cell, size: Size, figures: dict[str, object]) -> None:
        self.results.add(cell, size, figures)
        told(cell, figures)

    async def _on_stack(self, stack: Stack, model: str, wanted: Wanted) -> None:
        prompts = await furnish(stack)
        http = connected(f"http://127.0.0.1:{stack.gateway_port}", KEYS["gateway"])
        channel = aio.insecure_channel(f"127.0.0.1:{stack.rpc_port('inference')}")
        async with http, channel:
            grpc = Grpc(channel, KEYS["inference"])
            sides: dict[str, Sided] = {"inference": grpc, "gateway": OpenAi(http, to_gateway)}
            asked = await survey(grpc, max(size.streamed_tokens for _, size in wanted))
            # Those of a session before, if there are any: a close call of the model may fall
            # otherwise the second time.
            questions = self._known(model) or Questions(self.results.made_by, prompts, asked)
            questions.save(self._questions(model))
            await asyncio.sleep(REST_S)
            processes = Processes(pids_of(stack))
            for cell, size in wanted:
                figures = await measure(cell, size, sides[cell.side], questions, processes)
                self._add(cell, size, figures)

    def _known(self, model: str) -> Questions | None:
        """Return the questions as the stack was asked them, if it was."""
        path = self._questions(model)
        questions = Questions.load(path) if path.exists() else None
        return questions if questions and questions.made_by == self.results.made_by else None

    def _asked(self, model: str) -> Questions:
        """Return the questions as the stack was asked them.

        Raises:
            BenchError: Nobody knows them any more.
        """
        if questions := self._known(model):
            return questions
        raise BenchError(f"{self._questions(model)} is gone: begin anew with FRESH=1")

    def _bare(self, model: str, wanted: Wanted) -> None:
        self._asked(model)
        cells = json.dumps([(asdict(cell), asdict(size)) for cell, size in wanted])
        paths = [str(self._folder / "bench-serving.jsonl"), str(self._questions(model))]
        environment = as_inference(self._stack, model_of(self._stack, model))
        command = [sys.executable, "-m", "gyre_bench.bare", *paths, cells]
        done = subprocess.run(command, env=os.environ | environment, check=False)
        if done.returncode != 0:
            raise BenchError("the bare engine could not be measured: see above")

    def _behind_proxy(self, model: str, wanted: Wanted) -> None:
        questions = self._asked(model)
        environment = as_inference(self._stack, model_of(self._stack, model))
        endpoint, port = self._stack.base + ENDPOINT_PORT, self._stack.base + PROXY_PORT
        command = [sys.executable, "-m", "gyre_bench.endpoint", str(endpoint)]
        logs = self._stack.logs
        with ExitStack() as ends:
            serving = ends.enter_context(spawned(command, logs / "endpoint.log", environment))
            serving.until(lambda: answer(endpoint, "/health")[0] == 200)
            passing = ends.enter_context(proxy.proxy(logs, model, endpoint, port))
            pids = {CLIENT: os.getpid(), "endpoint": serving.pid, "litellm": passing.pid}
            ports = {"endpoint": endpoint, "litellm": port}
            asyncio.run(self._over_http(wanted, questions, ports, Processes(pids)))

    async def _over_http(
        self, wanted: Wanted, questions: Questions, ports: dict[str, int], processes: Processes
    ) -> None:
        for cell, size in wanted:
            async with connected(f"http://127.0.0.1:{ports[cell.side]}") as http:
                side = OpenAi(http, to_endpoint(cell.model, questions))
                self._add(cell, size, await measure(cell, size, side, questions, processes))


def main() -> None:
    """Measure, then print the table, the goals and one line of JSON."""
    requests = os.environ.get("REQUESTS") or None
    if requests is not None and not (requests.isdecimal() and int(requests)):
        raise SystemExit(f"REQUESTS is {requests!r}: expected a number from 1")
    only = os.environ.pop("MODEL", "")
    models = (only,) if only else MODELS
    try:
        bench = Bench(Path(sys.argv[1]), int(requests) if requests else None)
        if os.environ.get("FRESH") == "1":
            bench.forget()
        for model in models:
            bench.run(model)
    except FAILURES as error:
        raise SystemExit(f"bench-serving: {error}") from error
    measured = bench.measured(models)
    machine = bench.results.made_by["machine"]
    figures = report.summary(measured, machine)
    say(f"\n{machine['cpu']}, {machine['cores']} cores, {' '.join(machine['flags'])}")
    say(f"commit {bench.results.made_by['commit']}; ms, and cores that each kept busy\n")
    say(report.table(measured))
    for line in (*report.unequal(measured), *(goal.judged(figures) for goal in report.GOALS)):
        say(line)
    say(json.dumps(figures))


if __name__ == "__main__":
    main()

"""The engine's process dies, or hangs: it is seen, nobody waits for it, and it comes back."""

import os
import signal
import time
from collections.abc import Callable
from threading import Thread

import grpc
import httpx
import psutil
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from gyre_local.ready import is_ready
from gyre_rpc.inference.v1.inference_pb2_grpc import InferenceServiceStub

from ..conftest import Stack, indexed, put, route, until
from ..lamp import LOCAL, lamp
from .test_kill import listening, ready

INFERENCE = 3
DEAD_S, HUNG_S = 5.0, 15.0


def engine_of(service: int) -> psutil.Process:
    """Return the child that the service forked for vLLM's engine: the one that computes."""
    children = psutil.Process(service).children()
    assert children, "inference has no child: where is its engine?"
    return max(children, key=lambda child: child.memory_info().rss)


def has_ended(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def service_of(stack: Stack) -> int:
    pid = listening(stack.base + 11 + 2 * INFERENCE)
    assert pid is not None
    return pid


class Caller(Thread):
    """Asks, again and again, what makes the engine work; keeps how each call ended."""

    def __init__(self, stack: Stack, model: str) -> None:
        super().__init__(daemon=True)
        self._address = stack.inference
        self._route = model.removeprefix("gyre/")
        self.ended: list[tuple[grpc.StatusCode, float]] = []
        self.over = False

    def ask(self) -> tuple[grpc.StatusCode, float]:
        """Return how one call ended, and its seconds."""
        begin = time.monotonic()
        with grpc.insecure_channel(self._address) as channel:
            try:
                InferenceServiceStub(channel).Complete(
                    lamp(self._route), metadata=LOCAL, timeout=60
                )
            except grpc.RpcError as error:
                return error.code(), time.monotonic() - begin
        return grpc.StatusCode.OK, time.monotonic() - begin

    def run(self) -> None:
        while not self.over:
            self.ended.append(self.ask())
            time.sleep(0.1)  # as a client backs off


def not_ready_after(stack: Stack, break_it: Callable[[], None]) -> float:
    """Return the seconds until inference says that it cannot answer."""
    begin = time.monotonic()
    break_it()
    until(lambda: not ready(stack, INFERENCE), "inference is not ready", 60)
    return time.monotonic() - begin


def comes_back(stack: Stack, service: int, engine: psutil.Process) -> None:
    until(lambda: has_ended(engine), "its end", 60)
    until(
        lambda: listening(stack.base + 11 + 2 * INFERENCE) not in (None, service),
        "another inference",
        120,
    )
    until(lambda: ready(stack, INFERENCE), "inference is ready again", 240)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("traffic", [True, False], ids=["asked", "idle"])
@pytest.mark.parametrize(
    ("how", "seen_s"),
    [(signal.SIGKILL, DEAD_S), (signal.SIGSTOP, HUNG_S)],
    ids=["dead", "hung"],
)
def test_an_engine_that_is_lost_is_seen_and_comes_back(
    stack: Stack,
    api: httpx.Client,
    collection: str,
    how: signal.Signals,
    seen_s: float,
    *,
    traffic: bool,
) -> None:
    model = route(api, collection)
    caller = Caller(stack, model)
    until(lambda: caller.ask()[0] is grpc.StatusCode.OK, "an answer")
    service = service_of(stack)
    engine = engine_of(service)

    if traffic:
        caller.start()
        until(lambda: len(caller.ended) > 2, "traffic")
    seen = not_ready_after(stack, lambda: engine.send_signal(how))
    comes_back(stack, service, engine)
    caller.over = True
    if traffic:
        caller.join(120)

    assert seen <= seen_s
    codes = {code for code, _ in caller.ended}
    assert codes <= {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}, codes
    assert max((seconds for _, seconds in caller.ended), default=0) <= seen_s
    assert caller.ask()[0] is grpc.StatusCode.OK


@pytest.mark.timeout(600)
def test_no_engine_outlives_its_service(stack: Stack, api: httpx.Client, collection: str) -> None:
    caller = Caller(stack, route(api, collection))
    until(lambda: caller.ask()[0] is grpc.StatusCode.OK, "an answer")
    service = service_of(stack)
    engine = engine_of(service)

    os.kill(service, signal.SIGKILL)

    until(lambda: has_ended(engine), "the end of its engine", 5)
    comes_back(stack, service, engine)
    assert caller.ask()[0] is grpc.StatusCode.OK


def health(stack: Stack) -> int | None:
    """Return what inference says of itself by gRPC; None while nobody listens."""
    with grpc.insecure_channel(stack.inference) as channel:
        try:
            answer = HealthStub(channel).Check(HealthCheckRequest(), timeout=5)
        except grpc.RpcError:
            return None
    return int(answer.status)


def loads(stack: Stack) -> bool:
    return "loading the model" in is_ready(stack.local, "inference")[1]


@pytest.mark.timeout(600)
def test_while_it_loads_it_says_so_and_everything_else_works(
    stack: Stack, api: httpx.Client, collection: str
) -> None:
    service = service_of(stack)
    until(lambda: health(stack) == HealthCheckResponse.SERVING, "it serves", 60)

    os.kill(service, signal.SIGKILL)
    until(lambda: loads(stack), "it says that it loads", 120)
    indexed(api, put(api, collection, "lamp.md", b"# Lamp\n\nThe lamp is blue.\n")["id"])

    assert loads(stack), "it was ready before: nothing shown"
    until(lambda: health(stack) == HealthCheckResponse.SERVING, "it has loaded", 240)
    until(lambda: ready(stack, INFERENCE), "inference is ready again", 60)

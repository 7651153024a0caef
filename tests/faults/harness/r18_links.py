"""R18: what connects two parts is slow, breaks again and again, or swallows everything."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from gyre_local.kafka import CONFIG
from gyre_local.stack import Stack as LocalStack
from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.proxy import Proxy
from tests.faults.harness.r04_broker import consumed
from tests.faults.harness.r05_broker_away import refused_well
from tests.faults.harness.trying import under_load, until
from tests.replica import Replica, says_ready

LASTS_S = 60.0
BOUND_S = 60.0
PROXY = 95  # from the port base
DELAY_S, RESET_SHARE = 0.5, 0.05
HOWS = ("slow", "resets", "blackhole")
Link = Callable[[Field], AbstractContextManager[None]]


def hurt(field: Field, into: str, rng: random.Random) -> Trial:
    link, how = into.split()
    target, through = LINKS[link]

    def fault() -> float:
        proxy.hurt(
            delay_s=DELAY_S if how == "slow" else 0.0,
            reset_share=RESET_SHARE if how == "resets" else 0.0,
            swallows=how == "blackhole",
        )
        time.sleep(LASTS_S)  # the fault itself
        proxy.hurt()
        began = time.monotonic()
        until(lambda: consumed(field), 240)
        return time.monotonic() - began

    def also(ledger: Ledger) -> tuple[str, ...]:
        return refused_well(ledger) if link == "kafka" else ()

    ports = (target(field),)
    with (
        Proxy(field.stack.base + PROXY, lambda: ports, rng.randrange(2**32)) as proxy,
        through(field),
    ):
        until(lambda: consumed(field), 180)
        return under_load(field, into, rng, fault, BOUND_S, also)


@contextmanager
def _kafka(field: Field) -> Iterator[None]:
    """Have the broker say that it is where the proxy is: clients go where it says."""
    config = field.stack.home / "run" / CONFIG
    own, said = config.read_text(), "advertised.listeners=PLAINTEXT://127.0.0.1:"
    base = field.stack.base
    assert f"{said}{base + 2}\n" in own
    _restart_kafka(field, own.replace(f"{said}{base + 2}\n", f"{said}{base + PROXY}\n"))
    try:
        yield
    finally:
        _restart_kafka(field, own)


def _restart_kafka(field: Field, properties: str) -> None:
    (field.stack.home / "run" / CONFIG).write_text(properties)
    field.supervisor.stop("kafka")
    until(lambda: field.supervisor.processes()["kafka"].pid == 0, 60)
    field.supervisor.begin("kafka")
    until(lambda: field.supervisor.processes()["kafka"].pid != 0, 60)


def _calling(service: str, setting: str) -> Link:
    """Return a link: what `service` calls another one through."""

    @contextmanager
    def through(field: Field) -> Iterator[None]:
        local = LocalStack(field.stack.home, field.stack.base)
        moved = Replica(
            field.stack,
            "proxied",
            service,
            **{setting: f"127.0.0.1:{field.stack.base + PROXY}"},
            **_own(local, service),
        )
        field.supervisor.stop(service)
        until(lambda: field.supervisor.processes()[service].pid == 0, 60)
        try:
            moved.start()
            yield
        finally:
            moved.end()
            field.supervisor.begin(service)
            until(lambda: says_ready(local.health_port(service)), 240)

    return through


def _own(local: LocalStack, service: str) -> dict[str, str]:
    """Return the ports and the database that the supervised process has: it is not there."""
    return {
        "GYRE_HTTP_PORT": str(local.gateway_port),
        "GYRE_GRPC_PORT": str(local.rpc_port(service)),
        "GYRE_HEALTH_PORT": str(local.health_port(service)),
        "GYRE_DATABASE_URL": "",
        "GYRE_REPLICA": "",
    }


LINKS: dict[str, tuple[Callable[[Field], int], Link]] = {
    "kafka": (lambda field: field.stack.base + 2, _kafka),
    "inference": (
        lambda field: field.stack.base + 1,
        _calling("gateway", "GYRE_INFERENCE_ADDRESS"),
    ),
    "retrieval": (
        lambda field: LocalStack(field.stack.home, field.stack.base).rpc_port("retrieval"),
        _calling("inference", "GYRE_RETRIEVAL_ADDRESS"),
    ),
}
R18 = Fault(
    name="R18",
    title="a link is slow, breaks, or swallows",
    into=tuple(f"{link} {how}" for link in LINKS for how in HOWS),
    trials={"smoke": 1, "gate": 2, "soak": 5},
    inject=hurt,
)

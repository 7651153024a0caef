"""R11: both processes of a service are ended in order, one after the other, while clients send."""

import os
import random
import re
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Mapping

from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.points import Point, armed
from tests.faults.harness.proxy import Proxy
from tests.faults.harness.replica import replica
from tests.faults.harness.trying import under_load
from tests.faults.harness.waiting import until
from tests.replica import HEALTH, HTTP, says_ready

ENDS_S = 35.0
BALANCER = 94  # from the port base
LOOK_S = 0.2
WITHOUT_RECORDS = ("inference", "finetune")  # of this load


def roll(field: Field, service: str, rng: random.Random) -> Trial:
    """Retrieval has no second process: its local Qdrant locks its folder."""
    found: list[str] = []
    figures: dict[str, float] = {}
    consumes = service not in WITHOUT_RECORDS

    def fault() -> float:
        with (
            replica(field, service) as other,
            armed(field.stack.home, Point(service, "pass")) as noted,
        ):
            took = [_end_supervised(field, service, found)]
            began = time.monotonic()
            status = other.end()
            took.append(time.monotonic() - began)
            found.extend([f"the replica ended with {status}"] * bool(status))
            hits = Counter((each["topic"], each["id"]) for each in noted.hits())
            figures["handled"] = len(hits)
            figures["redelivered"] = sum(count > 1 for count in hits.values())
        return max(took)

    def also(ledger: Ledger) -> tuple[str, ...]:
        refused = sum(len(entry.refusals) for entry in ledger.entries)
        unknown = sum(entry.unknown for entry in ledger.entries)
        return (
            *found,
            *(("nothing was handled",) if consumes and not figures["handled"] else ()),
            *((f"{refused} calls were refused",) if refused else ()),
            *((f"{unknown} calls were not answered",) if unknown else ()),
            *((f"{figures['redelivered']} records came again",) if figures["redelivered"] else ()),
        )

    base = field.stack.base
    health = field.stack.local.health_port("gateway")
    gateways = {base: health, base + HTTP: base + HEALTH}
    with (
        Rotation(gateways) as rotation,
        Proxy(base + BALANCER, lambda: rotation.ready) as balancer,
    ):
        return under_load(field, service, rng, fault, ENDS_S, also, figures, balancer.url)


class Rotation:
    """Looks which gateways say that they are ready, again and again, as a balancer does.

    Args:
        gateways: Their health ports, by the ports where they serve.
    """

    def __init__(self, gateways: Mapping[int, int]) -> None:
        self._gateways = gateways
        self.ready = [*gateways]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Rotation":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(LOOK_S):
            self.ready = [port for port, health in self._gateways.items() if says_ready(health)]


def _end_supervised(field: Field, service: str, found: list[str]) -> float:
    """End the supervisor's process; return the seconds that took. It is ready again then."""
    local = field.stack.local
    health = local.health_port(service)
    port = local.gateway_port if service == "gateway" else local.rpc_port(service)
    log = field.stack.home / "logs" / "supervisord.log"
    logged = log.stat().st_size
    victim = field.supervisor.processes()[service].pid
    serves = _accepts(port)  # some have events only
    os.kill(victim, signal.SIGTERM)
    began = time.monotonic()
    while field.supervisor.processes()[service].pid == victim:
        if serves and not _accepts(port) and says_ready(health):
            found.append("closed to clients while it says that it is ready")
        if time.monotonic() - began > 2 * ENDS_S:
            raise TimeoutError(f"{service} does not end")
        time.sleep(0.05)
    took = time.monotonic() - began
    ended = re.search(rf"exited: {service} \(exit status (\d+)", log.read_text()[logged:])
    if ended is None or ended[1] != "0":
        found.append(f"ended with {ended[1] if ended else 'no status'}")
    until(lambda: says_ready(health), 240)
    return took


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


R11 = Fault(
    name="R11",
    title="both processes of a service are ended in order, in turn",
    into=(
        "gateway",
        "inference",
        "ingestion",
        "evaluation",
        "feedback",
        "drift",
        "finetune",
        "registry",
    ),
    trials={"smoke": 1, "gate": 3, "soak": 10},
    inject=roll,
    substitute="not retrieval, whose local Qdrant locks its folder",
)

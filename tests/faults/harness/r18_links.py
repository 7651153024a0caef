"""R18: what connects two parts is slow, breaks again and again, or swallows everything."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from gyre_local.kafka import CONFIG
from gyre_service.rpc import GIVEN_UP_MS, KEEPALIVE_MS
from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.proxy import Proxy
from tests.faults.harness.r04_broker import consumed
from tests.faults.harness.r05_broker_away import MARGIN_S, refused_well
from tests.faults.harness.r14_engine import told
from tests.faults.harness.replica import instead
from tests.faults.harness.trying import stop, under_load
from tests.faults.harness.waiting import until

LASTS_S = 60.0
BOUND_S = 60.0
ASIDE = 95  # from the port base: what is behind a proxy, or the proxy
SEARCH_S = 5.0  # a search's deadline
OWN_S = 3.0  # that an answer takes without one
CALL_S = (KEEPALIVE_MS + GIVEN_UP_MS) / 1000 + 1  # until a call hears that nobody answers
DELAY_S, RESET_SHARE = 0.5, 0.05
SHOWN_BY = {"slow": "passed", "resets": "reset", "blackhole": "held"}
Link = Callable[[Field, int], AbstractContextManager[Proxy]]


def hurt(field: Field, into: str, rng: random.Random) -> Trial:
    link, how = into.split()

    def fault() -> float:
        until(lambda: proxy.passed > 0, 60)  # the link is the proxy's
        proxy.hurt(
            delay_s=DELAY_S if how == "slow" else 0.0,
            reset_share=RESET_SHARE if how == "resets" else 0.0,
            swallows=how == "blackhole",
        )
        before = vars(proxy).copy()
        time.sleep(LASTS_S)  # the fault itself
        for what in ("passed", "held", "reset"):
            figures[what] = getattr(proxy, what) - before[what]
        proxy.hurt()
        began = time.monotonic()
        until(lambda: consumed(field), 240)
        return time.monotonic() - began

    def also(ledger: Ledger) -> tuple[str, ...]:
        return (
            *(() if figures[SHOWN_BY[how]] else ("the link was not hurt",)),
            *(late(ledger) if link == "retrieval" else ()),
            *(told(ledger, CALL_S) if link == "inference" else ()),
            # Slow handlers fall behind, and clients are held off: that is no loss.
            *(refused_well(ledger, (429, 503)) if link == "kafka" else ()),
        )

    figures: dict[str, float] = {}
    with LINKS[link](field, rng.randrange(2**32)) as proxy:
        until(lambda: consumed(field), 180)
        return under_load(field, into, rng, fault, BOUND_S, also, figures)


def late(ledger: Ledger) -> tuple[str, ...]:
    """Say whether a question waited for documents longer than a search may take."""
    took = [each.took_s for each in ledger.accepted("question")]
    if not took:
        return ("no question was answered",)
    return (
        (f"a question took {max(took):.1f} s",) if max(took) > SEARCH_S + MARGIN_S + OWN_S else ()
    )


@contextmanager
def _kafka(field: Field, seed: int) -> Iterator[Proxy]:
    """Have the broker listen elsewhere, and the proxy where it says that it is."""
    config, base = field.stack.home / "run" / CONFIG, field.stack.base
    own, said = config.read_text(), "listeners=PLAINTEXT://127.0.0.1:"
    moved = own.replace(f"\n{said}{base + 2},", f"\n{said}{base + ASIDE},")
    assert moved != own
    stop(field, "kafka")
    try:
        config.write_text(moved)
        with Proxy(base + 2, lambda: (base + ASIDE,), seed) as proxy:
            _start_kafka(field)
            yield proxy
    finally:
        stop(field, "kafka")
        config.write_text(own)
        _start_kafka(field)
        until(lambda: consumed(field), 180)  # a replica of the next trial ends without a broker


def _start_kafka(field: Field) -> None:
    field.supervisor.begin("kafka")
    until(lambda: field.supervisor.processes()["kafka"].pid != 0, 60)


def _calling(service: str, setting: str, called: str) -> Link:
    """Return a link: what `service` calls another one through."""

    @contextmanager
    def through(field: Field, seed: int) -> Iterator[Proxy]:
        port = field.stack.local.rpc_port(called)
        at = field.stack.base + ASIDE
        with (
            Proxy(at, lambda: (port,), seed) as proxy,
            instead(field, service, "proxied", **{setting: f"127.0.0.1:{at}"}),
        ):
            yield proxy

    return through


LINKS: dict[str, Link] = {
    "kafka": _kafka,
    "inference": _calling("gateway", "GYRE_INFERENCE_ADDRESS", "inference"),
    "retrieval": _calling("inference", "GYRE_RETRIEVAL_ADDRESS", "retrieval"),
}
R18 = Fault(
    name="R18",
    title="a link is slow, breaks, or swallows",
    into=tuple(f"{link} {how}" for link in LINKS for how in SHOWN_BY),
    trials={"smoke": 1, "gate": 2, "soak": 5},
    inject=hurt,
    substitute="three links: everybody's to Kafka, and the two that an answer takes",
)

"""`python -m gyre_bench.events RESULTS_FOLDER`: events through feedback and drift.

EVENTS: that both handle together, 100,000. FRESH=1: nothing is taken from a run before. A run
that was ended goes on where it was: its log, its databases and its looks are kept.
"""

import asyncio
import os
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from prometheus_client.parser import text_string_to_metric_families

from gyre_bench import events_stream
from gyre_bench.errors import BenchError
from gyre_bench.events_samples import DURATION, Sample, Samples, p95_s, rate
from gyre_bench.machine import commit
from gyre_bench.plan import counted
from gyre_bench.spawning import Spawned, spawned
from gyre_bench.stack import local
from gyre_bench.telling import concluded, say
from gyre_local.environment import of_service
from gyre_local.errors import StackError
from gyre_local.stack import Stack

SERVICES = ("feedback", "drift")
SIDES = ("gyre", "bare")
EVENTS = 100_000
LOOK_S = 2.0
STUCK_S = 120.0
SEED = 1
WARM = 0.1  # of the events: until then drift makes its references
PARTS = {"first": (WARM, 2 * WARM), "last": (0.9, 1.0)}


def measure(side: str, events: int, folder: Path) -> list[Sample]:
    """Have one side handle all events; return every look at it."""
    stack = Stack.from_environment()
    samples = Samples(folder / f"bench-events-{side}-{events}-{commit(stack.repo)}.jsonl")
    looks = samples.read()
    total = events // 4 * 4
    if looks and looks[-1].count >= total:
        return looks
    local("down")
    if not looks:
        local("empty")
    local("kafka")
    try:
        if not looks:
            asyncio.run(events_stream.write(stack.kafka_servers, events, SEED))
            say(f"{side}: {events // 4 * 3:,} records are in the log")
        run, done = (looks[-1].run + 1, looks[-1].count) if looks else (0, 0)
        with ExitStack() as ends:
            handling = {
                name: ends.enter_context(spawned(*command(side, name, stack))) for name in SERVICES
            }
            _follow(stack, side, run, (done, total), handling, samples)
    finally:
        local("down")
    return samples.read()


def command(side: str, service: str, stack: Stack) -> tuple[list[str], Path, dict[str, str]]:
    """Return what runs a service's handlers, its log, and its environment."""
    stack.run.mkdir(parents=True, exist_ok=True)
    what = [f"gyre_{service}"] if side == "gyre" else ["gyre_bench.events_bare", service]
    log = stack.logs / f"{side}-{service}.log"
    return [sys.executable, "-m", *what], log, of_service(stack, service, None)


def _follow(
    stack: Stack,
    side: str,
    run: int,
    part: tuple[int, int],
    handling: dict[str, Spawned],
    samples: Samples,
) -> None:
    """Look again and again until all events are handled.

    Args:
        stack: With the log.
        side: Whose processes they are.
        run: Of the bench.
        part: How many were handled before, and how many there are.
        handling: The processes.
        samples: Get the looks.

    Raises:
        BenchError: A process ended, or nothing is handled any more.
    """
    moved_at, (before, total) = time.monotonic(), part
    while before < total:
        for process in handling.values():
            process.check()
        handled = asyncio.run(_handled(stack.kafka_servers))
        memory = {
            name: psutil.Process(process.pid).memory_info().rss / 2**20
            for name, process in handling.items()
        }
        now = time.monotonic()
        buckets = {name: _buckets(stack, name) for name in SERVICES} if side == "gyre" else {}
        sample = Sample(run, now, handled, memory, buckets)
        if sample.count > before:
            moved_at, before = now, sample.count
            samples.add(sample)
        elif now - moved_at > STUCK_S:
            raise BenchError(f"{side}: {before:,} of {total:,} handled, and no more")
        time.sleep(LOOK_S)


async def _handled(servers: str) -> dict[str, int]:
    """Return how many records each service has committed."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        found = {name: await admin.list_consumer_group_offsets(name) for name in SERVICES}
    except GroupCoordinatorNotAvailableError:  # a broker that has just started knows no group
        return dict.fromkeys(SERVICES, 0)
    finally:
        await admin.close()
    return {
        name: sum(max(0, one.offset) for one in offsets.values()) for name, offsets in found.items()
    }


def _buckets(stack: Stack, service: str) -> dict[str, float]:
    """Return the histogram of a service's handlings; nothing before it answers."""
    try:
        text = httpx.get(f"http://127.0.0.1:{stack.health_port(service)}/metrics", timeout=5).text
    except httpx.HTTPError:
        return {}
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == DURATION:
                bound = sample.labels["le"]
                found[bound] = found.get(bound, 0.0) + sample.value
    return found


def figures(looks: dict[str, list[Sample]], events: int) -> dict[str, object]:
    """Return what the last line says."""
    ours, bare = looks["gyre"], looks["bare"]
    found: dict[str, object] = {
        "model": "none",
        "events": events,
        "ratio": round(rate(ours) / rate(bare), 3),
        "events_per_s": round(rate(ours), 1),
        "bare_events_per_s": round(rate(bare), 1),
    }
    for service in SERVICES:
        p95 = {part: p95_s(ours, service, *within) for part, within in PARTS.items()}
        warm = next(one for one in ours if one.handled[service] >= WARM * ours[-1].handled[service])
        resident = [one.memory_mib[service] for one in ours if one.at_s >= warm.at_s]
        found[service] = {
            "p95_first_ms": round(1000 * p95["first"], 1),
            "p95_last_ms": round(1000 * p95["last"], 1),
            "p95_ratio": round(p95["last"] / p95["first"], 2),
            "memory_mib": round(resident[0]),
            "memory_grew_mib": round(max(resident) - resident[0], 1),
        }
    return found


def main() -> None:
    """Measure both sides, then print a table and one line of JSON, which is kept too."""
    folder, events = Path(sys.argv[1]), counted("EVENTS", EVENTS)
    if os.environ.get("FRESH") == "1":
        for path in folder.glob(f"bench-events-*-{events}-*.jsonl"):
            path.unlink()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # else who handles would outlive us
    home, looks = os.environ["GYRE_HOME"], {}
    try:
        for side in SIDES:
            os.environ["GYRE_HOME"] = f"{home}-{side}-{events}"  # each goes on with its own log
            looks[side] = measure(side, events, folder)
    except (BenchError, StackError) as error:
        raise SystemExit(f"bench-events: {error}") from error
    found = figures(looks, events)
    rows = [f"{side:5} {rate(one):8.1f} events/s" for side, one in looks.items()]
    rows += [f"{name:9} {found[name]}" for name in SERVICES]
    repo = Stack.from_environment().repo
    concluded(rows, found, folder / "bench-events.json", repo)


if __name__ == "__main__":
    main()

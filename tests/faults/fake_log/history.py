"""Many lives of a service on one log, and what must be the same as in one life without a death."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

from gyre_service import dumping
from gyre_service.database import open_database
from gyre_service.dumping import lasting
from tests.faults.fake_log.life import Program, live
from tests.faults.fake_log.log import Log
from tests.faults.fake_log.mortal import Mortal, Point, Sleeper

RARE: tuple[Point, ...] = ("after_commit", "after_publish")


async def die_often(program: Program, log: Log, deaths: int, rng: random.Random) -> Counter[Point]:
    """Kill a service again and again, then let it come to the end of the log.

    Returns:
        How often it died, and where. Fewer times than asked for if the log was too short.
    """
    died: Counter[Point] = Counter()
    consumed = _records(log)  # nothing is published yet
    turn = 0
    while died.total() < deaths:
        left = consumed - sum(log.committed.values())
        # Spread over the whole log: a record passes at least four points, of which some twice.
        longest = max(2, 4 * left // (deaths - died.total()))
        # A service may publish once in hundreds of records: the first of six is met at both.
        rare = (*RARE, None, None, None, None)[turn % 6]
        life, before = Mortal(rare, latest=rng.randint(1, longest)), _records(log)
        if await live(program, log, life):
            return died
        assert life.died_at is not None
        died[life.died_at] += 1
        turn += life.died_at == rare if rare else _records(log) > before
    assert await live(program, log, Mortal())
    return died


async def sleep_often(program: Program, log: Log, times: int, rng: random.Random) -> Counter[Point]:
    """Put one process of a service to sleep again and again, while another one works, and dies.

    Returns:
        How often one slept, and where. Fewer times than asked for if the log was too short.
    """
    slept: Counter[Point] = Counter()
    consumed = _records(log)
    while slept.total() < times:
        left = consumed - sum(log.committed.values())
        longest = max(2, 2 * left // (times - slept.total()))
        rare = (*RARE, None, None)[slept.total() % 4]
        life = Sleeper(rare, latest=rng.randint(1, longest))
        other = Mortal(latest=rng.randint(2, 2 * longest))
        if await live(program, log, life, other):
            break
        assert life.died_at is not None
        slept[life.died_at] += 1
    assert await live(program, log, Mortal())
    return slept


def _records(log: Log) -> int:
    return sum(map(len, log.records.values()))


def published(log: Log, topics: set[str]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the values under each topic and event id of what a service has published."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for topic in sorted(topics):
        for record in log.of(topic):
            key = topic, dict(record.headers)["ce_id"].decode()
            found.setdefault(key, []).append(json.loads(record.value or b"null"))
    return found


def differences(killed: Log, alive: Log, topics: set[str]) -> Iterator[str]:
    """Say what a service that died published otherwise than one that did not."""
    told, wanted = published(killed, topics), published(alive, topics)
    yield from (f"lost: {key}" for key in wanted.keys() - told.keys())
    yield from (f"invented: {key}" for key in told.keys() - wanted.keys())
    for key in told.keys() & wanted.keys():
        if any(value != told[key][0] for value in told[key]):
            yield f"two values under one id: {key}"
        if lasting(told[key][0]) != lasting(wanted[key][0]):
            yield f"another value: {key}"
    if list(told) != [key for key in wanted if key in told]:
        yield "another order"
    if _parked(killed) != _parked(alive):
        yield "others are parked"


def _parked(log: Log) -> set[tuple[str, int, int, bytes | None, bytes | None]]:
    return {(r.topic, r.partition, r.offset, r.key, r.value) for r in log.parked}


async def dump(program: Program) -> list[str]:
    """Return every row of a service's database as a line, but for what its clock wrote."""
    async with open_database(program.url) as sessions:
        return await dumping.dump(sessions)

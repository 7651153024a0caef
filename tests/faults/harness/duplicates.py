"""Records that are there already come ten times more, across a broker that is killed."""

import asyncio
import os
import random
import signal
import time
from uuid import uuid4

from aiokafka import AIOKafkaProducer

from gyre_demo.stage import stage
from tests.conftest import Record
from tests.contracts.topics import topics
from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.lag import come_to_rest
from tests.faults.harness.load import Load
from tests.faults.harness.rows import Rows, changed, rows
from tests.faults.harness.settling import settle
from tests.faults.harness.waiting import until
from tests.flow.test_loop import SHORT

# Of a compacted topic the newest record of a key is the truth, whoever wrote it.
TOPICS = [name for name, stated in topics().items() if stated.cleanup != "compact"]
TIMES = 10
MOST = 100  # records of a topic: a handler does about 50 a second when all are at work
LOAD_S = 20.0
BOUND_S = 600.0
QUIET_S = 5.0  # in which nothing changed any more
PATIENCE_S = 300.0


def send_again(field: Field, into: str, rng: random.Random) -> Trial:
    seed = rng.randrange(2**32)
    asyncio.run(_loop(field, rng.randrange(2**16)))
    with Load(field.stack, field.model, field.collection, field.answers, seed) as load:
        until(lambda: load.now > LOAD_S, LOAD_S + 5)
    judgement = settle(field, load.ledger)
    before = _at_rest(field)
    records = [record for topic in TOPICS for record in _some(field, topic, rng)]
    rng.shuffle(records)
    asyncio.run(_send(field, records))
    began = time.monotonic()
    found = changed(before, _at_rest(field, BOUND_S))
    return Trial(
        into=into,
        sent=len(records) * TIMES,
        unknown=0,
        lost=judgement.lost,
        double=judgement.double + sum(found.values()),
        inversions=judgement.inversions,
        recovery_s=round(time.monotonic() - began, 2),
        bound_s=BOUND_S,
        waited_p95_s=0.0,
        broken=tuple(f"{count} rows of {table} changed" for table, count in found.items()),
    )


async def _loop(field: Field, seed: int) -> None:
    """Have a dataset, a training, scores, evidence of a canary and a promotion in the log."""
    route = f"again-{uuid4().hex[:8]}"
    async with stage(field.stack.base, route, seed, SHORT) as on:
        await on.story.prepare(on.known, on.past)
        await on.story.control(on.known)
        await on.story.shift(on.moved)
        await on.story.train(on.moved)
        await on.story.release(on.moved)
        assert on.story.figures.adapter, on.story.figures.rejected


def _at_rest(field: Field, patience_s: float = PATIENCE_S) -> Rows:
    """Return every row when none changes any more: a runner may have been at work."""
    found: list[Rows] = []

    def still() -> bool:
        come_to_rest(field.stack)
        found.append(rows(field.stack.home))
        time.sleep(QUIET_S)
        return len(found) > 1 and found[-1] == found[-2]

    until(still, patience_s)
    return found[-1]


def _some(field: Field, topic: str, rng: random.Random) -> list[Record]:
    """Return a topic's records, or as many of them as come to rest again in minutes."""
    found = list({_id(record): record for record in field.stack.read(topic)}.values())
    return rng.sample(found, min(MOST, len(found)))


def _id(record: Record) -> tuple[object, ...]:
    headers = dict(record.headers)
    return record.topic, headers["ce_source"], headers["ce_id"]


async def _send(field: Field, records: list[Record]) -> None:
    """One producer for all of it: what it had not heard of when the broker died it sends again."""
    async with AIOKafkaProducer(bootstrap_servers=field.stack.kafka, acks="all") as producer:
        for turn in range(TIMES):
            sent = [
                await producer.send(
                    each.topic, each.value, key=each.key, headers=list(each.headers)
                )
                for each in records
            ]
            if turn == TIMES // 2:
                os.kill(field.supervisor.processes()["kafka"].pid, signal.SIGKILL)
            await asyncio.gather(*sent)


DUPLICATES = Fault(
    name="duplicates",
    title="after a loop, records of every topic ten times more, across a broker's death",
    into=("kafka",),
    trials={"smoke": 1, "gate": 3, "soak": 5},
    inject=send_again,
)

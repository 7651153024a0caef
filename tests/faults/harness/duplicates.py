"""Records that are there already come ten times more, across a broker that is killed."""

import asyncio
import os
import random
import signal
import time

from aiokafka import AIOKafkaProducer

from tests.conftest import Record
from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.lag import come_to_rest
from tests.faults.harness.load import Load
from tests.faults.harness.rows import changed, rows
from tests.faults.harness.trying import settle, until

TOPICS = (
    "document-submitted",
    "chunk-prepared",
    "document-indexed",
    "feedback-given",
    "answer-generated",
    "embedding-observed",
    "answer-scored",
    "verdict-recorded",
    "example-curated",
)
TIMES = 10
LOAD_S = 20.0
BOUND_S = 120.0


def send_again(field: Field, into: str, rng: random.Random) -> Trial:
    seed = rng.randrange(2**32)
    with Load(field.stack, field.model, field.collection, field.answers, seed) as load:
        until(lambda: load.now > LOAD_S, LOAD_S + 5)
    judgement = settle(field, load.ledger)
    come_to_rest(field.stack)
    before = rows(field.stack.home)
    records = list({_id(record): record for t in TOPICS for record in field.stack.read(t)}.values())
    rng.shuffle(records)
    asyncio.run(_send(field, records))
    began = time.monotonic()
    come_to_rest(field.stack)
    found = changed(before, rows(field.stack.home))
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
    title="every record ten times more, across a broker's death",
    into=("kafka",),
    trials={"smoke": 1, "gate": 3, "soak": 5},
    inject=send_again,
)

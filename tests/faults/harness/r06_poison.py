"""R6: one record in a hundred cannot be handled; the others do not wait for it."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from aiokafka import AIOKafkaProducer

from tests.conftest import Record
from tests.faults.harness.checkers import effects, once_each
from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.lag import lag, parked
from tests.faults.harness.points import Point, armed
from tests.faults.harness.report import percentile
from tests.faults.harness.waiting import until

TOPIC, PARKED = "feedback-given", "feedback-dlq"
RATE = 15.0  # records a second, below what feedback handles alone
KEEPS_UP_S = 2.0  # p99 without poison, at most: behind a queue nobody would see what poison costs
BIG = 1_000_000  # bytes, as many as a broker takes with all that comes with them
SHARE = 0.01
SLOWER = 2.0  # p99 of the good ones may be so many times that without poison
SETTLE_S = 120.0
GOOD = b"as foreign producers say it"
BUG = b"what a handler has a bug for"
Headers: TypeAlias = list[tuple[str, bytes | None]]
Kind: TypeAlias = Callable[[bytes, Headers], tuple[bytes | None, Headers]]


def nothing(value: bytes, headers: Headers) -> tuple[None, Headers]:
    """Make a record without value, and without key too, which is parked with an empty value."""
    return None, headers


KINDS: tuple[Kind, ...] = (
    lambda value, headers: (value[:-1], headers),  # no JSON
    lambda _, headers: (b"[]", headers),
    lambda _, headers: (b'{"feedback_id": 7}', headers),  # not the schema
    lambda _, headers: (b"\xff\xfe", headers),  # no text
    lambda _, headers: (None, headers),
    nothing,
    lambda value, headers: (value.replace(GOOD, b"x" * BIG), headers),
    lambda value, headers: (value, [each for each in headers if each[0] != "ce_id"]),
    lambda value, headers: (value, [*headers[:3], ("ce_type", b"shop.order-placed"), headers[4]]),
    lambda value, headers: (value, [("ce_specversion", b"\xff"), *headers[1:]]),
    lambda value, headers: (value, [*headers[:3], ("ce_type", None), headers[4]]),
    lambda value, headers: (value.replace(GOOD, BUG), headers),
)


@dataclass(frozen=True)
class Sent:
    """One record of a foreign producer, as it went into the log."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    feedback_id: str  # "" of poison
    due: float  # seconds since 1970: fixed before it was sent

    @property
    def place(self) -> tuple[int, int]:
        return self.partition, self.offset


Places: TypeAlias = dict[tuple[int, int], Sent]


def poison(field: Field, into: str, rng: random.Random) -> Trial:
    before_all = parked(field.stack)
    clean = asyncio.run(_send(field, rng, field.events // 4, 0.0))
    took = _handled(field, clean)
    with armed(field.stack.home, Point("feedback", "bug", containing=BUG.decode())):
        dirty = asyncio.run(_send(field, rng, field.events, SHARE))
        took_dirty = _handled(field, dirty)
        planted = {each.place: each for each in dirty if not each.feedback_id}
        sent = {each.place: each for each in clean + dirty}
        with suppress(TimeoutError):
            until(lambda: len(_parked(field, sent)) >= len(planted), SETTLE_S)
    verdicts = effects(field.stack.read("verdict-recorded"), "feedback_id")
    good = [each.feedback_id for each in clean + dirty if each.feedback_id]
    judgement = once_each(good, verdicts)
    more = parked(field.stack) - before_all
    before, after = percentile(took, 0.99), percentile(took_dirty, 0.99)
    return Trial(
        into=into,
        sent=len(good),
        unknown=0,
        lost=judgement.lost,
        double=judgement.double,
        inversions=0,
        recovery_s=0.0,
        bound_s=0.0,
        waited_p95_s=percentile(took_dirty, 0.95),
        broken=(
            *judgement.which,
            *_wrongly_parked(_parked(field, sent), planted, sent),
            *((f"feedback does not keep up: {before:.1f} s",) if before > KEEPS_UP_S else ()),
            *(("good records wait for poison",) if after > SLOWER * before else ()),
            *(("something else is parked",) if more != Counter(feedback=len(planted)) else ()),
            *(("records wait at the end",) if lag(field.stack, "feedback") else ()),
        ),
        figures={"planted": len(planted), "p99_without_s": before, "p99_with_s": after},
    )


async def _send(field: Field, rng: random.Random, count: int, share: float) -> list[Sent]:
    sent = []
    async with AIOKafkaProducer(bootstrap_servers=field.stack.kafka, acks="all") as producer:
        due = time.time()
        kinds = _kinds(rng)
        for _ in range(count):
            due += rng.expovariate(RATE)
            await asyncio.sleep(max(0.0, due - time.time()))  # arrival times are the load
            about = rng.choice(field.answers)
            id = str(UUID(int=rng.getrandbits(128), version=4))
            value: bytes | None = json.dumps(
                {"feedback_id": id, "answer_id": about, "comment": GOOD.decode()}
            ).encode()
            headers: Headers = [
                ("ce_specversion", b"1.0"),
                ("ce_id", id.encode()),
                ("ce_source", b"/faults/r6"),
                ("ce_type", b"gyre.feedback-given"),
                ("content-type", b"application/json"),
            ]
            key: bytes | None = f"default/{about}".encode()
            if rng.random() < share:
                kind = next(kinds)
                value, headers = kind(value or b"", headers)
                key = None if kind is nothing else key
                id = ""
            if key is None and value is None:  # aiokafka refuses to, one record at a time
                batch = producer.create_batch()
                batch.append(timestamp=None, key=None, value=None, headers=headers)
                told = await (await producer.send_batch(batch, TOPIC, partition=0))
            else:
                told = await producer.send_and_wait(TOPIC, value, key=key, headers=headers)
            at = (told.partition, told.offset)
            sent.append(Sent(*at, key, value, headers, id, due))
    return sent


def _kinds(rng: random.Random) -> Iterator[Kind]:
    while True:
        yield from rng.sample(KINDS, len(KINDS))


def _handled(field: Field, sent: list[Sent]) -> list[float]:
    """Wait until the good ones are verdicts; return the seconds of each, from when it was due."""
    wanted = {each.feedback_id: each.due for each in sent if each.feedback_id}
    took: dict[str, float] = {}

    def all_there() -> bool:
        for record in field.stack.read("verdict-recorded"):
            id = json.loads(record.value or b"{}")["feedback_id"]
            if id in wanted and id not in took:
                took[id] = record.timestamp / 1000 - wanted[id]
        return len(took) == len(wanted)

    with suppress(TimeoutError):  # what is not there then is lost, and counted so
        until(all_there, SETTLE_S)
    return list(took.values())


def _parked(field: Field, sent: Places) -> dict[tuple[int, int], Record]:
    found = {}
    for record in field.stack.read(PARKED):
        told = {name: value for name, value in record.headers if name.startswith("dlq_")}
        place = int(told["dlq_partition"]), int(told["dlq_offset"])
        if told["dlq_topic"] == TOPIC.encode() and place in sent:
            found[place] = record
    return found


def _wrongly_parked(
    parked: dict[tuple[int, int], Record], planted: Places, all_sent: Places
) -> Iterator[str]:
    """P: the parked set is the planted set, byte for byte, with reason, origin and attempts."""
    if missing := planted.keys() - parked.keys():
        yield f"{len(missing)} planted records are not parked"
    if others := parked.keys() - planted.keys():
        yield f"{len(others)} good records are parked"
    for place, record in parked.items():
        sent = all_sent[place]
        own = [header for header in record.headers if not header[0].startswith("dlq_")]
        names = {name for name, _ in record.headers}
        value = b"" if sent.key is None and sent.value is None else sent.value
        if (record.key, record.value, own) != (sent.key, value, sent.headers):
            yield "a parked record is not what was sent"
        if not names >= {"dlq_reason", "dlq_attempts", "dlq_offset"}:
            yield "a parked record does not say why"


R6 = Fault(
    name="R6",
    title="1 % poison",
    into=("feedback",),
    trials={"smoke": 1, "gate": 1, "soak": 1},
    inject=poison,
    substitute="no record is above 1 MiB: the broker refuses it; one is just below",
)

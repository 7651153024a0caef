"""R6: one record in a hundred cannot be handled; the others do not wait for it."""

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from aiokafka import AIOKafkaProducer

from tests.conftest import Record
from tests.faults.harness.checkers import effects, once_each
from tests.faults.harness.fault import Fault, Field, Trial
from tests.faults.harness.points import Point, armed
from tests.faults.harness.report import percentile
from tests.faults.harness.trying import until

TOPIC, PARKED = "feedback-given", "feedback-dlq"
RATE = 40.0  # records a second, below what feedback handles alone
SHARE = 0.01
SLOWER = 2.0  # p99 of the good ones may be so many times that without poison
SETTLE_S = 120.0
GOOD = b"as foreign producers say it"
BUG = b"what a handler has a bug for"
Headers: TypeAlias = list[tuple[str, bytes | None]]
Kind: TypeAlias = Callable[[bytes, Headers], tuple[bytes | None, Headers]]

KINDS: tuple[Kind, ...] = (
    lambda value, headers: (value[:-1], headers),  # no JSON
    lambda _, headers: (b"[]", headers),
    lambda _, headers: (b'{"feedback_id": 7}', headers),  # not the schema
    lambda _, headers: (b"\xff\xfe", headers),  # no text
    lambda _, headers: (None, headers),
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
    key: bytes
    value: bytes | None
    headers: Headers
    feedback_id: str  # "" of poison
    at_ms: int

    @property
    def place(self) -> tuple[int, int]:
        return self.partition, self.offset


Places: TypeAlias = dict[tuple[int, int], Sent]


def poison(field: Field, into: str, rng: random.Random) -> Trial:
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
            *_wrongly_parked(_parked(field, sent), planted, sent),
            *(("good records wait for poison",) if after > SLOWER * before else ()),
        ),
        figures={"planted": len(planted), "p99_without_s": before, "p99_with_s": after},
    )


async def _send(field: Field, rng: random.Random, count: int, share: float) -> list[Sent]:
    sent = []
    async with AIOKafkaProducer(bootstrap_servers=field.stack.kafka, acks="all") as producer:
        loop = asyncio.get_running_loop()
        due = loop.time()
        kinds = _kinds(rng)
        for _ in range(count):
            due += rng.expovariate(RATE)
            await asyncio.sleep(max(0.0, due - loop.time()))  # arrival times are the load
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
            if rng.random() < share:
                value, headers = next(kinds)(value or b"", headers)
                id = ""
            key = f"default/{about}".encode()
            told = await producer.send_and_wait(TOPIC, value, key=key, headers=headers)
            at = (told.partition, told.offset)
            sent.append(Sent(*at, key, value, headers, id, told.timestamp))
    return sent


def _kinds(rng: random.Random) -> Iterator[Kind]:
    while True:
        yield from rng.sample(KINDS, len(KINDS))


def _handled(field: Field, sent: list[Sent]) -> list[float]:
    """Wait until the good ones are verdicts; return the seconds of each, by Kafka's clock."""
    wanted = {each.feedback_id: each.at_ms for each in sent if each.feedback_id}
    took: dict[str, float] = {}

    def all_there() -> bool:
        for record in field.stack.read("verdict-recorded"):
            id = json.loads(record.value or b"{}")["feedback_id"]
            if id in wanted and id not in took:
                took[id] = (record.timestamp - wanted[id]) / 1000
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
        if (record.key, record.value, own) != (sent.key, sent.value, sent.headers):
            yield "a parked record is not what was sent"
        if not names >= {"dlq_reason", "dlq_attempts", "dlq_offset"}:
            yield "a parked record does not say why"


R6 = Fault(
    name="R6",
    title="1 % poison",
    into=("feedback",),
    trials={"smoke": 1, "gate": 1, "soak": 1},
    inject=poison,
)

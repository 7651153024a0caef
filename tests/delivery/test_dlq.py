"""`gyre dlq` on a real broker: what was parked is seen, sent again and set aside."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from typer.testing import CliRunner, Result

from gyre_client.command import app
from gyre_service.kafka import Broker
from gyre_service.kafka.parser import Record

from .conftest import Kafka
from .counting import Noted
from .test_delivery import handle_until, words_of

Run = Callable[..., Any]
NOTED = Noted(author="ada", words=3).model_dump_json().encode()


@pytest.fixture
def dlq(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a coroutine function that runs `gyre dlq`, in a thread: it has a loop of its own."""
    monkeypatch.setenv("GYRE_KAFKA_SERVERS", kafka.settings.kafka_servers)

    async def run(verb: str, *args: str, code: int = 0, answer: str | None = None) -> Any:
        call = ("dlq", verb, kafka.topic, *args)
        result: Result = await asyncio.to_thread(CliRunner().invoke, app, call, input=answer)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return json.loads(result.stdout) if "--json" in args else result.output

    return run


async def listed(dlq: Run, *args: str) -> list[str]:
    return [one["id"] for one in await dlq("list", "--json", *args)]


async def park(kafka: Kafka, records: int, suffix: str = "") -> None:
    """Park everything that a topic holds, which is `records`."""
    broker = Broker(kafka.settings)

    @broker.subscriber(kafka.topic + suffix)
    async def handle(body: dict[str, Any]) -> None:
        Noted.model_validate(body)
        raise RuntimeError("a bug of ours")

    async with broker:
        await broker.start()
        async with asyncio.timeout(40):
            while len(await kafka.read("-dlq")) < records:  # noqa: ASYNC110 (Kafka tells nobody)
                await asyncio.sleep(0.2)


async def send_nothing(kafka: Kafka) -> None:
    """Send a record with neither key nor value, as other clients do: `send` refuses it."""
    async with AIOKafkaProducer(bootstrap_servers=kafka.settings.kafka_servers) as producer:
        batch = producer.create_batch()
        batch.append(key=None, value=None, timestamp=None, headers=kafka.envelope)
        batch.close()
        await (await producer.send_batch(batch, kafka.topic, partition=0))


def sent(records: list[Record]) -> list[tuple[Any, ...]]:
    return [(r.key, r.value, list(r.headers)) for r in records]


async def test_every_kind_of_poison_is_listed_shown_redriven_byte_for_byte_and_dropped(
    kafka: Kafka, dlq: Run
) -> None:
    comment = {"author": "Ada Lovelace", "words": "many, said Ada", "comment": "rubbish"}
    poison = [
        await kafka.send(b"{not json: Ada"),
        await kafka.send(b'{"a": 1}', ce_type=b"gyre.unheard-of"),
        await kafka.send(json.dumps(comment).encode(), ce_id=b"wrong", ce_tenant=b"acme"),
        await kafka.send(b'{"a": 1}', note=b"\xff\xfe", big=b"x" * 5000),
        await kafka.send(b'{"a": 1}', ce_id=None),
        await kafka.send(None),
        await kafka.send(b""),
        await kafka.send(b"\xff\xfe", key=b"\xff"),
        await kafka.send(b"[" * 100_000, dlq_reason=b"its own", dlq_offset=b"7"),
        await kafka.send(b'"' + b"x" * 900_000 + b'"'),
    ]
    await send_nothing(kafka)
    await park(kafka, 11)

    found = await dlq("list", "--json")
    assert [(one["id"], one["topic"], one["offset"]) for one in found] == [
        (f"0-{n}", kafka.topic, n) for n in range(11)
    ]
    assert [one["attempts"] for one in found] == [1] * 11
    assert found[1]["reason"] == f"ce_type is gyre.unheard-of, expected gyre.{kafka.topic}"
    assert (found[2]["event_id"], found[2]["tenant"]) == ("wrong", "acme")
    assert found[4]["event_id"] is None
    assert "its own" not in found[8]["reason"]
    assert "Ada" not in json.dumps(found)
    table = await dlq("list")
    assert f"{kafka.topic}/0/10" in table
    assert "Ada" not in table

    for one in found:
        whole = await dlq("show", one["id"], "--payload")
        blanked = await dlq("show", one["id"])
        assert "Ada" not in blanked
        assert len(blanked) < 3000
        assert ("Ada" in whole) == (one["id"] in ("0-0", "0-2"))
    shown = await dlq("show", "0-2", "--json")
    assert shown["payload"]["comment"] == "(7 characters)"
    shown = await dlq("show", "0-3", "--json")
    assert {"name": "note", "value": {"base64": "//4="}} in shown["headers"]
    assert {"name": "dlq_reason", "value": "its own"} in (await dlq("show", "0-8", "--json"))[
        "headers"
    ]
    assert len((await dlq("show", "0-9", "--payload", "--json"))["payload"]) == 900_002

    output = await dlq("redrive", "--all", code=1)
    assert "10 redriven, 1 not" in output
    assert "0-10 has neither key nor value" in output
    assert sent((await kafka.read(""))[11:]) == poison
    assert await listed(dlq) == ["0-10"]

    await dlq("drop", "0-10", code=1, answer="n\n")
    assert await listed(dlq) == ["0-10"]
    await dlq("drop", "0-10", answer="y\n")
    assert await listed(dlq) == []
    assert "nothing is parked by" in await dlq("list")
    states = [one["state"] for one in await dlq("list", "--all", "--json")]
    assert states == ["redriven"] * 10 + ["dropped"]
    assert len(await kafka.read("-dlq")) == 11

    await park(kafka, 21)  # nothing was mended: what was redriven is parked again
    assert await listed(dlq) == [f"0-{n}" for n in range(11, 21)]


async def test_after_a_fix_a_redrive_has_each_effect_once_however_often(
    kafka: Kafka, dlq: Run, tmp_path: Path
) -> None:
    for number in range(3):
        await kafka.send(NOTED, ce_id=str(number).encode())
    await park(kafka, 3)

    assert "1 redriven" in await dlq("redrive", "0-1")
    assert "2 redriven" in await dlq("redrive", "--reason", "a BUG*ours")
    assert "0 redriven" in await dlq("redrive", "--all")
    assert "3 redriven" in await dlq("redrive", "0-0", "0-1", "0-2")
    database = tmp_path / "words.db"
    await handle_until(kafka, database, 9)

    assert words_of(database) == [9]
    assert await listed(dlq) == []


async def test_on_a_compacted_topic_nothing_replaces_what_came_later(
    kafka: Kafka, dlq: Run
) -> None:
    for number, key in enumerate((b"old", b"last", b"old")):
        await kafka.send(NOTED, key, "-table", ce_id=str(number).encode())
    await park(kafka, 3, "-table")
    parked = {one["event_id"]: one["id"] for one in await dlq("list", "--json")}

    for _ in range(2):  # the second time its own copy is the last
        output = await dlq("redrive", parked["0"], parked["1"], parked["2"], code=1)
        assert "2 redriven, 1 not" in output
        assert f"{parked['0']} is not the last of its key" in output
    assert await listed(dlq) == [parked["0"]]


async def test_what_is_not_there_is_one_line(kafka: Kafka, dlq: Run) -> None:
    await kafka.send(b"no record of ours", suffix="-dlq")

    for id in ("0-1", "1-0", "0-99999999999999999", "first"):
        assert f"has no dead letter '{id}'" in await dlq("show", id, code=2)
    assert "0-0 does not say where it came from" in await dlq("redrive", "0-0", code=1)
    kafka.topic += "-unknown"
    output = await dlq("list", code=2)
    assert f"no service '{kafka.topic}' has dead letters; there are: drift, evaluation" in output

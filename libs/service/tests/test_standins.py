import asyncio
import io
import json

import pytest
from aiokafka import ConsumerRecord, TopicPartition

from gyre_service.errors import Rejected
from gyre_service.kafka.standins import ATTEMPTS, Consumer, Producer

RECORD = ConsumerRecord[bytes, bytes]("asked", 0, 7, 1, 0, b"k", b"v", None, 1, 1, ())


async def handling(consumer: Consumer, *, refused: int) -> None:
    """Handle records for ever; say of the first `refused` attempts that they failed."""
    while True:
        record = await consumer.getone()
        if refused:
            refused -= 1
            consumer.seek(TopicPartition(record.topic, record.partition), record.offset)
        else:
            await consumer.commit()


@pytest.mark.parametrize("refused", [0, 1, ATTEMPTS - 1])
async def test_a_record_is_given_until_it_is_acknowledged(refused: int) -> None:
    consumer = Consumer()
    consumer.tasks.append(asyncio.create_task(handling(consumer, refused=refused)))
    await consumer.handle(RECORD)
    await consumer.handle(RECORD)
    consumer.tasks[0].cancel()
    await asyncio.gather(*consumer.tasks, return_exceptions=True)


async def test_what_is_never_acknowledged_ends_the_replay() -> None:
    consumer = Consumer()
    consumer.tasks.append(asyncio.create_task(handling(consumer, refused=ATTEMPTS)))
    with pytest.raises(Rejected, match="asked/0/7 waits for something"):
        await consumer.handle(RECORD)
    consumer.tasks[0].cancel()
    await asyncio.gather(*consumer.tasks, return_exceptions=True)


async def test_nobody_is_waited_for_who_has_ended() -> None:
    async def once(consumer: Consumer) -> None:
        await consumer.getone()

    consumer = Consumer()
    consumer.tasks.append(asyncio.create_task(once(consumer)))
    with pytest.raises(Rejected, match="nobody handles records any more, since asked/0/7"):
        await consumer.handle(RECORD)


async def test_what_would_be_published_is_written_down() -> None:
    file = io.StringIO()
    producer = Producer(file)
    await (await producer.send("a", b'{"x": 1}', b"k", [("ce_id", b"1")]))
    await producer.send_and_wait("b", None, key=b"\xff", headers=[])
    assert [json.loads(line) for line in file.getvalue().splitlines()] == [
        {"topic": "a", "key": "k", "headers": {"ce_id": "1"}, "value": '{"x": 1}'},
        {"topic": "b", "key": "base64:/w==", "headers": {}, "value": None},
    ]
    assert producer.published == 2

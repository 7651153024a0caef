import pytest
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy as BatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from gyre_service.kafka.batches import Fetched

GZIP = 1


class Latin(str):
    """A header's name, as a producer in another language may write one."""

    __slots__ = ()

    def encode(self, *_: str) -> bytes:
        return super().encode("latin-1")


def encoded(*names: str, codec: int = 0) -> bytes:
    """Return a batch of a record for each name of a header."""
    builder = BatchBuilder(2, codec, 0, -1, -1, -1, 1_000_000)
    for number, name in enumerate(names):
        builder.append(number, 7, b"k", b"%d" % number * 100, [(name, b"\xff"), ("note", None)])
    return bytes(builder.build())


@pytest.mark.parametrize("codec", [0, GZIP])
def test_every_record_of_a_batch_is_read_whatever_the_names_are(codec: int) -> None:
    fetched = Fetched(encoded("a", Latin("é"), Latin("ü"), "b", codec=codec) + encoded("c"))
    batch, other = fetched.next_batch(), fetched.next_batch()

    assert batch.validate_crc()
    assert [
        (record.offset, record.timestamp, record.key, record.value, record.headers)
        for record in batch
    ] == [
        (number, 7, b"k", b"%d" % number * 100, [(name, b"\xff"), ("note", None)])
        for number, name in enumerate(("a", "\ufffd", "\ufffd", "b"))
    ]
    assert [record.headers[0][0] for record in other] == ["c"]
    assert not fetched.has_next()


def test_what_is_broken_is_still_an_error() -> None:
    broken = bytearray(encoded("a", "b"))
    del broken[-1]
    broken[8:12] = (len(broken) - 12).to_bytes(4, "big")

    with pytest.raises(CorruptRecordException):
        list(Fetched(bytes(broken)).next_batch())


def test_a_batch_is_otherwise_what_it_was() -> None:
    plain, ours = MemoryRecords(encoded("a")), Fetched(encoded("a"))
    assert ours.size_in_bytes() == plain.size_in_bytes()
    was, batch = plain.next_batch(), ours.next_batch()
    for name in ("base_offset", "next_offset", "is_control_batch", "is_transactional", "magic"):
        assert getattr(batch, name) == getattr(was, name)

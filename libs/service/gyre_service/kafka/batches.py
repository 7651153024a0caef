"""Has aiokafka read records whose headers have names that are not UTF-8."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy


class Fetched(_MemoryRecordsPy):  # type: ignore[misc]
    """What Kafka answered to a fetch, batch by batch, as aiokafka's (0.14).

    That one decodes every name, and raises at the first that it cannot decode. Kafka takes such a
    record of any producer, and the partition would be read up to it again and again.
    """

    def next_batch(self, *constants: int) -> Any:
        """Return the next batch; None if there is none."""
        encoded = self._next_slice
        batch = super().next_batch(*constants)
        return Batch(batch, encoded) if isinstance(batch, DefaultRecordBatch) else batch


class Batch:
    """A batch of aiokafka's, whose records can all be read.

    Args:
        batch: Knows all but that.
        encoded: The same, as it came.
    """

    def __init__(self, batch: Any, encoded: memoryview) -> None:
        self._batch = batch
        self._encoded = encoded

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        """Return its records. In names, U+FFFD stands for what cannot be decoded.

        Raises:
            CorruptRecordException: It is broken.
        """
        read = 0
        try:
            for record in self._batch:
                yield record
                read += 1
        except (UnicodeDecodeError, CorruptRecordException):
            # The fast decoder cannot go past it; the one in Python asks the buffer for text.
            batch = _DefaultRecordBatchPy(self._encoded)
            batch._maybe_uncompress()
            batch._buffer = _Lenient(batch._buffer)
            yield from islice(batch, read, None)

    def __next__(self) -> Any:
        return next(self._batch)  # of a control batch


class _Lenient(bytearray):
    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return _Lenient(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)


def install() -> None:
    """Have every consumer of this process read so, from now on."""
    fetcher.MemoryRecords = Fetched

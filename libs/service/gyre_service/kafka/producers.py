"""When a producer of aiokafka can send nothing any more."""

from aiokafka.errors import (
    InvalidProducerEpoch,
    KafkaError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
)

FATAL = (InvalidProducerEpoch, OutOfOrderSequenceNumber, ProducerFenced)


def is_dead(error: BaseException) -> bool:
    """Return whether the producer that failed with `error` refuses everything from now on.

    Whatever else ends its sender reaches every later publish as the bare `KafkaError`.
    """
    return isinstance(error, FATAL) or type(error) is KafkaError

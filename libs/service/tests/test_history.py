from collections import deque

from aiokafka import ConsumerRecord, TopicPartition

from gyre_service.kafka.history import Decided, Waiting, next_of
from gyre_service.kafka.parser import Record

ASKED, JUDGED = TopicPartition("asked", 0), TopicPartition("judged", 0)


def record(at: TopicPartition, offset: int, timestamp: int) -> Record:
    headers = (("ce_id", f"{at.topic} {offset}".encode()),)
    return ConsumerRecord(*at, offset, timestamp, 0, None, None, None, 0, 0, headers)


def log(**times: list[int]) -> Waiting:
    """Return the records of topics that were appended at these times."""
    waiting = {}
    for topic, all_of in times.items():
        at = TopicPartition(topic, 0)
        waiting[at] = deque(record(at, offset, time) for offset, time in enumerate(all_of))
    return waiting


def read(waiting: Waiting, *decided: Decided) -> list[str]:
    found, left = [], deque(decided)
    while waiting:
        one = next_of(waiting, left)
        found.append(f"{one.topic} {one.offset}")
        waiting = {at: records for at, records in waiting.items() if records}
    return found


def test_what_was_appended_first_is_first() -> None:
    assert read(log(asked=[1, 4], judged=[2, 3])) == ["asked 0", "judged 0", "judged 1", "asked 1"]


def test_a_partition_keeps_its_order_whatever_its_producers_clocks_said() -> None:
    assert read(log(asked=[9, 1], judged=[5])) == ["judged 0", "asked 0", "asked 1"]


def test_a_decision_comes_after_all_that_it_had_seen_and_before_what_it_had_not() -> None:
    behind = Decided(b"asked 1", {ASKED: 1, JUDGED: 0})
    times = {"asked": [1, 2, 3], "judged": [5, 6]}
    assert read(log(**times), behind) == ["asked 0", "judged 0", "asked 1", "asked 2", "judged 1"]

    ahead = Decided(b"asked 1", {ASKED: 1})
    assert read(log(**times), ahead) == ["asked 0", "asked 1", "asked 2", "judged 0", "judged 1"]

    early = Decided(b"judged 0", {JUDGED: 0, ASKED: 0})
    assert read(log(**times), early) == ["asked 0", "judged 0", "asked 1", "asked 2", "judged 1"]


def test_two_decisions_bind_one_after_the_other() -> None:
    decided = (
        Decided(b"judged 0", {JUDGED: 0, ASKED: 0}),
        Decided(b"judged 1", {JUDGED: 1, ASKED: 0}),
    )
    times = {"asked": [4, 5], "judged": [8, 9]}
    assert read(log(**times), *decided) == ["asked 0", "judged 0", "judged 1", "asked 1"]


def test_partitions_that_a_decision_says_nothing_of_go_on() -> None:
    decided = Decided(b"asked 0", {ASKED: 0})
    assert read(log(asked=[5, 6], routes=[1, 7]), decided) == [
        "routes 0",
        "asked 0",
        "asked 1",
        "routes 1",
    ]


def test_a_decision_about_records_that_have_left_the_log_binds_nothing() -> None:
    gone = Decided(b"lost 7", {TopicPartition("lost", 0): 7})
    assert read(log(asked=[2], judged=[1]), gone) == ["judged 0", "asked 0"]


def test_decisions_that_cannot_both_be_met_end() -> None:
    decided = (
        Decided(b"asked 1", {ASKED: 1, JUDGED: 0}),
        Decided(b"asked 0", {ASKED: 0, JUDGED: 1}),
    )
    assert sorted(read(log(asked=[1, 2], judged=[3, 4]), *decided)) == [
        "asked 0",
        "asked 1",
        "judged 0",
        "judged 1",
    ]

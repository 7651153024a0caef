from collections import deque

from aiokafka import ConsumerRecord, TopicPartition

from gyre_service.kafka.ordering import Ordering, Told, Waiting
from gyre_service.kafka.parser import Record

LATE = 1_000  # after all there is
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


def read(waiting: Waiting, *told: Told) -> list[str]:
    found, ordering = [], Ordering(told)
    while waiting:
        one = ordering.take(waiting)
        found.append(f"{one.topic} {one.offset}")
        waiting = {at: records for at, records in waiting.items() if records}
    return found


def test_what_was_appended_first_is_first() -> None:
    assert read(log(asked=[1, 4], judged=[2, 3])) == ["asked 0", "judged 0", "judged 1", "asked 1"]


def test_a_partition_keeps_its_order_whatever_its_producers_clocks_said() -> None:
    assert read(log(asked=[9, 1], judged=[5])) == ["judged 0", "asked 0", "asked 1"]


def test_a_decision_comes_after_all_that_it_had_seen_and_before_what_it_had_not() -> None:
    behind = Told(b"asked 1", LATE, {ASKED: 1, JUDGED: 0})
    times = {"asked": [1, 2, 3], "judged": [5, 6]}
    assert read(log(**times), behind) == ["asked 0", "judged 0", "asked 1", "asked 2", "judged 1"]

    ahead = Told(b"asked 1", LATE, {ASKED: 1})
    assert read(log(**times), ahead) == ["asked 0", "asked 1", "asked 2", "judged 0", "judged 1"]

    early = Told(b"judged 0", LATE, {JUDGED: 0, ASKED: 0})
    assert read(log(**times), early) == ["asked 0", "judged 0", "asked 1", "asked 2", "judged 1"]


def test_two_decisions_bind_one_after_the_other() -> None:
    told = (
        Told(b"judged 0", LATE, {JUDGED: 0, ASKED: 0}),
        Told(b"judged 1", LATE, {JUDGED: 1, ASKED: 0}),
    )
    times = {"asked": [4, 5], "judged": [8, 9]}
    assert read(log(**times), *told) == ["asked 0", "judged 0", "judged 1", "asked 1"]


def test_partitions_that_a_decision_says_nothing_of_go_on() -> None:
    told = Told(b"asked 0", LATE, {ASKED: 0})
    assert read(log(asked=[5, 6], routes=[1, 7]), told) == [
        "routes 0",
        "asked 0",
        "asked 1",
        "routes 1",
    ]


def test_a_decision_about_records_that_have_left_the_log_binds_nothing() -> None:
    gone = Told(b"lost 7", LATE, {TopicPartition("lost", 0): 7})
    assert read(log(asked=[2], judged=[1]), gone) == ["judged 0", "asked 0"]


def test_decisions_that_cannot_both_be_met_end() -> None:
    told = (
        Told(b"asked 1", LATE, {ASKED: 1, JUDGED: 0}),
        Told(b"asked 0", LATE, {ASKED: 0, JUDGED: 1}),
    )
    assert sorted(read(log(asked=[1, 2], judged=[3, 4]), *told)) == [
        "asked 0",
        "asked 1",
        "judged 0",
        "judged 1",
    ]


def test_causes_come_in_the_order_of_what_they_caused() -> None:
    told = [Told(cause, LATE) for cause in (b"judged 0", b"judged 1", b"asked 0", b"asked 2")]
    times = {"asked": [1, 2, 3], "judged": [5, 6], "routes": [4, 9]}
    assert read(log(**times), *told) == [
        "routes 0",
        "judged 0",
        "judged 1",
        "asked 0",
        "asked 1",
        "asked 2",
        "routes 1",
    ]


def test_a_cause_that_was_delivered_again_has_its_first_place() -> None:
    told = [Told(cause, LATE) for cause in (b"asked 1", b"judged 0", b"asked 1", b"asked 1")]
    assert read(log(asked=[1, 2], judged=[0]), *told) == ["asked 0", "asked 1", "judged 0"]


def test_a_cause_that_has_left_the_log_is_not_waited_for() -> None:
    told = (Told(b"lost 1", at_ms=3), Told(b"judged 0", LATE), Told(b"asked 1", LATE))
    times = {"asked": [4, 5], "judged": [6], "routes": [7, 8]}
    assert read(log(**times), *told) == ["asked 0", "judged 0", "asked 1", "routes 0", "routes 1"]


def test_an_order_that_partitions_do_not_have_gives_way() -> None:
    told = (Told(b"asked 1", LATE), Told(b"asked 0", LATE))
    assert read(log(asked=[1, 2], judged=[3]), *told) == ["judged 0", "asked 0", "asked 1"]


def test_nothing_passes_a_later_decision_while_an_earlier_one_is_waited_for() -> None:
    told = (Told(b"judged 1", LATE, {JUDGED: 1}), Told(b"asked 0", LATE, {ASKED: 0}))
    times = {"asked": [1, 2], "judged": [3, 4]}
    assert read(log(**times), *told) == ["judged 0", "judged 1", "asked 0", "asked 1"]

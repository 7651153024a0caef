from collections import deque
from typing import Any

import pytest
from aiokafka import ConsumerRecord, TopicPartition

from gyre_service.kafka.ordering import READ, Ordering, Told, Waiting, say
from gyre_service.kafka.parser import Record

ASKED, JUDGED = TopicPartition("asked", 0), TopicPartition("judged", 0)


def record(at: TopicPartition, offset: int, timestamp: int, headers: Any = ()) -> Record:
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
    times = {"asked": [1, 2, 3], "judged": [5, 6]}
    behind = Told((ASKED, 1), {ASKED: 1, JUDGED: 0})
    assert read(log(**times), behind) == ["asked 0", "judged 0", "asked 1", "asked 2", "judged 1"]

    ahead = Told((ASKED, 1), {ASKED: 1})
    assert read(log(**times), ahead) == ["asked 0", "asked 1", "asked 2", "judged 0", "judged 1"]

    early = Told((JUDGED, 0), {JUDGED: 0, ASKED: 0})
    assert read(log(**times), early) == ["asked 0", "judged 0", "asked 1", "asked 2", "judged 1"]


def test_two_decisions_bind_one_after_the_other() -> None:
    told = (
        Told((JUDGED, 0), {JUDGED: 0, ASKED: 0}),
        Told((JUDGED, 1), {JUDGED: 1, ASKED: 0}),
    )
    times = {"asked": [4, 5], "judged": [8, 9]}
    assert read(log(**times), *told) == ["asked 0", "judged 0", "judged 1", "asked 1"]


def test_partitions_that_a_decision_says_nothing_of_go_on() -> None:
    told = Told((ASKED, 0), {ASKED: 0})
    expected = ["routes 0", "asked 0", "asked 1", "routes 1"]
    assert read(log(asked=[5, 6], routes=[1, 7]), told) == expected


def test_a_decision_about_records_that_have_left_the_log_binds_nothing() -> None:
    lost = TopicPartition("lost", 0)
    told = (Told((lost, 7), {lost: 7}), Told((ASKED, 0), {ASKED: 0, lost: 8}))
    assert read(log(asked=[2], judged=[1]), *told) == ["judged 0", "asked 0"]


def test_causes_come_in_the_order_of_what_they_caused() -> None:
    places = ((JUDGED, 0), (JUDGED, 1), (ASKED, 0), (ASKED, 2))
    told = [Told(place, dict([place])) for place in places]
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
    places = ((ASKED, 1), (JUDGED, 0), (ASKED, 1), (ASKED, 1))
    told = [Told(place, dict([place])) for place in places]
    assert read(log(asked=[1, 2], judged=[0]), *told) == ["asked 0", "asked 1", "judged 0"]


def test_nothing_passes_a_later_decision_while_an_earlier_one_is_waited_for() -> None:
    told = (Told((JUDGED, 1), {JUDGED: 1}), Told((ASKED, 0), {ASKED: 0}))
    times = {"asked": [1, 2], "judged": [3, 4]}
    assert read(log(**times), *told) == ["judged 0", "judged 1", "asked 0", "asked 1"]


def test_what_contradicts_itself_gives_way_and_drags_no_other_topic_along() -> None:
    told = (
        Told((ASKED, 1), {ASKED: 1, JUDGED: 0}),
        Told((ASKED, 0), {ASKED: 0, JUDGED: 1}),
    )
    found = read(log(asked=[1, 2], judged=[3, 4], routes=[1, 100]), *told)
    assert sorted(found) == ["asked 0", "asked 1", "judged 0", "judged 1", "routes 0", "routes 1"]
    assert found[-1] == "routes 1"
    backwards = (Told((ASKED, 1), {ASKED: 1}), Told((ASKED, 0), {ASKED: 0}))
    assert read(log(asked=[1, 2], judged=[3]), *backwards) == ["asked 0", "asked 1", "judged 0"]


@pytest.mark.parametrize("said", [None, b"", b"asked/x:7", b"asked/0:", b"\xff", b"asked"])
def test_a_header_that_says_nothing_tells_nothing(said: bytes | None) -> None:
    headers = () if said is None else ((READ, said),)
    assert Told.of(record(ASKED, 0, 1, headers)) is None


def test_a_header_names_its_cause_first() -> None:
    said = say((JUDGED, 4), {ASKED: 7, JUDGED: 4})
    told = Told.of(record(ASKED, 0, 1, ((READ, said.encode()),)))
    assert told == Told((JUDGED, 4), {JUDGED: 4, ASKED: 7})

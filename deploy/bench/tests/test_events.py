from collections import Counter
from pathlib import Path

from gyre_bench.events import figures
from gyre_bench.events_samples import Sample, Samples, p95_s, rate
from gyre_bench.events_stream import events
from gyre_events import AnswerGenerated, EmbeddingObserved, FeedbackGiven, RolloutChanged

FAST, SLOW = {"0.01": 90.0, "0.1": 100.0, "+Inf": 100.0}, {"0.01": 0.0, "0.1": 100.0, "+Inf": 100.0}


def look(number: int, run: int = 0, step_s: float = 1.0) -> Sample:
    """Return the look after `number` times 100 events of each service; the last are slow."""
    counts = {
        bound: min(number, 9) * FAST[bound] + max(0, number - 9) * SLOW[bound] for bound in FAST
    }
    services = ("feedback", "drift")
    return Sample(
        run,
        number * step_s,
        dict.fromkeys(services, number * 100),
        dict.fromkeys(services, 100.0 + number),
        dict.fromkeys(services, counts),
    )


def test_the_stream_is_the_same_every_time_and_has_three_parts_of_the_same_size() -> None:
    first, second = list(events(40, 1)), list(events(40, 1))

    assert first == second
    kinds = Counter(type(event) for event in first)
    parts = {AnswerGenerated: 10, EmbeddingObserved: 10, FeedbackGiven: 10}
    assert kinds == {RolloutChanged: 4, **parts}
    answers = {event.answer_id for event in first if isinstance(event, AnswerGenerated)}
    assert answers == {event.answer_id for event in first if isinstance(event, FeedbackGiven)}


def test_a_slow_end_is_seen_in_the_last_tenth() -> None:
    looks = [look(number) for number in range(11)]

    assert p95_s(looks, "drift", 0.0, 0.1) == 0.055
    assert p95_s(looks, "drift", 0.9, 1.0) == 0.0955


def test_the_ratio_is_of_the_time_in_which_events_were_handled() -> None:
    ours = [look(number) for number in range(11)]
    bare = [look(number, step_s=0.5) for number in range(11)]

    found = figures({"gyre": ours, "bare": bare}, 2_000)

    assert rate(ours) == 200.0
    assert found["ratio"] == 0.5
    assert found["drift"] == {
        "p95_first_ms": 55.0, "p95_last_ms": 95.5, "p95_ratio": 1.74,
        "memory_mib": 101, "memory_grew_mib": 9.0,
    }  # fmt: skip


def test_looks_are_kept_and_a_line_that_was_cut_off_costs_only_itself(tmp_path: Path) -> None:
    kept = Samples(tmp_path / "looks.jsonl")
    assert kept.read() == []
    kept.add(look(1))
    with (tmp_path / "looks.jsonl").open("a") as file:
        file.write('{"run": 0, "at')

    assert kept.read() == [look(1)]

import pytest

from gyre_evaluation.report import FLOORS, Result, measure, missed

RIGHT = Result(True, True, scores={"citation_valid": 1, "groundedness": 1.0}, latency_s=1)
WRONG = Result(True, False, scores={"citation_valid": 0, "groundedness": 0.5}, latency_s=2)
SHY = Result(True, False, refused=True, latency_s=3)  # refused what it could have answered
REFUSED = Result(False, True, refused=True, latency_s=4)
INVENTED = Result(False, False, scores={"citation_valid": 1, "groundedness": 0.0}, latency_s=5)
BROKEN = Result(True, False, answered=False)
BROKEN_REFUSAL = Result(False, False, answered=False)

ALL = [RIGHT, WRONG, SHY, REFUSED, INVENTED, BROKEN, BROKEN_REFUSAL]


@pytest.mark.parametrize(
    ("name", "value", "trials"),
    [
        ("passed", 2 / 7, 7),
        ("exact_or_contained", 1 / 4, 4),
        ("citation_valid", 2 / 3, 3),
        ("refusal_precision", 1 / 2, 2),
        ("refusal_recall", 1 / 3, 3),
        ("groundedness", 0.5, 3),
        ("latency_p50_s", 3, 5),
    ],
)
def test_metrics(name: str, value: float, trials: int) -> None:
    metric = {metric.name: metric for metric in measure(ALL)}[name]

    assert metric.value == pytest.approx(value)
    assert metric.trials == trials
    assert metric.low <= metric.value <= metric.high


def test_without_results_nothing_is_claimed() -> None:
    for metric in measure([]):
        assert (metric.value, metric.low, metric.high, metric.trials) == (0, 0, 1, 0)


def test_every_floor_names_a_metric() -> None:
    assert {metric.name for metric in measure([])} == {*FLOORS, "latency_p50_s"}


def test_floors() -> None:
    metrics = measure(ALL)

    assert missed({}, metrics) == []
    assert missed({"groundedness": 0.5, "refusal_recall": 0}, metrics) == []
    (sentence,) = missed({"exact_or_contained": 0.8}, metrics)
    assert sentence.startswith("exact_or_contained: 0.250 is below the floor 0.8 (95 % interval")
    assert sentence.endswith("4 trials)")


def test_a_floor_that_nothing_measures_is_not_reached() -> None:
    assert missed({"refusal_recall": 0}, measure([RIGHT])) == [
        "refusal_recall: nothing to measure, floor 0"
    ]

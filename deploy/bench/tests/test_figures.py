import pytest

from gyre_bench.figures import Sample, of_streamed, of_whole, percentile, spread_ms


@pytest.mark.parametrize(
    ("percent", "wanted"), [(0, 1.0), (50, 50.5), (95, 95.05), (99, 99.01), (100, 100.0)]
)
def test_percentiles_lie_between_the_values_as_numpy_has_them(
    percent: float, wanted: float
) -> None:
    values = [float(number) for number in range(100, 0, -1)]

    assert percentile(values, percent) == pytest.approx(wanted)


def test_one_value_is_every_percentile_and_none_has_none() -> None:
    assert [percentile([7.0], share) for share in (50, 95, 99)] == [7.0, 7.0, 7.0]
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_what_was_not_told_is_left_out_of_a_spread() -> None:
    assert spread_ms([None, 0.002, None]) == {"p50": 2.0, "p95": 2.0, "p99": 2.0}
    assert spread_ms([None]) is None


def test_throughput_counts_the_tokens_that_were_made() -> None:
    samples = [Sample(1.0, 20, 10, first_s=0.25), Sample(1.0, 22, 30, first_s=0.75)]

    figures = of_streamed(samples, elapsed_s=4.0)

    assert figures["tokens_per_s"] == 10.0
    assert (figures["prompt_tokens"], figures["completion_tokens"]) == (42, 40)
    assert figures["first_ms"] == {"p50": 500.0, "p95": 725.0, "p99": 745.0}


def test_added_is_the_wall_less_the_engine_of_the_same_request() -> None:
    slow, quick = Sample(3.0, 1, 1, engine_s=2.99), Sample(0.5, 1, 1, engine_s=0.49)

    figures = of_whole([slow, quick])

    assert figures["added_ms"] == {"p50": 10.0, "p95": 10.0, "p99": 10.0}


def test_nothing_is_added_to_an_engine_that_is_asked_itself() -> None:
    assert of_whole([Sample(3.0, 1, 1)])["added_ms"] is None

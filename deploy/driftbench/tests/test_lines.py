"""Lines that were cut off, written twice, or are of other code."""

from pathlib import Path
from typing import Any

import pytest

from gyre_driftbench.lines import add, key_of, read


def line(**other: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"detector": "one", "scenario": "none", "seed": 0, "length": 10}
    return fields | {"code": "c", "streams": "s", "alarms": []} | other


def test_a_line_after_one_that_was_cut_off_is_read(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text('{"detector": "one", "scen')
    add(path, line())
    add(path, line(seed=1))
    assert [one["seed"] for one in read(path).values()] == [0, 1]


def test_the_last_line_of_a_key_counts(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    add(path, line())
    add(path, line(alarms=[[3, "input"]]))
    assert [one["alarms"] for one in read(path).values()] == [[[3, "input"]]]


@pytest.mark.parametrize(
    "other", [{"code": "d"}, {"streams": "t"}, {"length": 11}, {"seed": 1}, {"detector": "two"}]
)
def test_a_line_is_of_code_streams_seed_and_length(other: dict[str, Any]) -> None:
    assert key_of(line()) != key_of(line(**other))


def test_what_is_no_json_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        add(tmp_path / "lines.jsonl", line(us_per_event=float("inf")))

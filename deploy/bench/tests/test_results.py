import json
from pathlib import Path

from gyre_bench.plan import Cell, size_of
from gyre_bench.results import Results, made_by

CELL = Cell("reference", "gateway", 1, False)
SIZE = size_of(CELL)
MADE_BY = {"commit": "abc", "settings": "def", "machine": {"cores": 2, "flags": ["avx2"]}}


def test_a_cell_is_one_line_and_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "results" / "bench.jsonl"
    Results(path, MADE_BY).add(CELL, SIZE, {"tokens_per_s": 5})

    assert len(path.read_text().splitlines()) == 1
    assert Results(path, MADE_BY).find(CELL, SIZE) == {"tokens_per_s": 5}


def test_what_was_measured_otherwise_is_to_be_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "bench.jsonl"
    results = Results(path, MADE_BY)
    results.add(CELL, SIZE, {})

    assert results.find(Cell("reference", "gateway", 1, True), SIZE) is None
    assert results.find(CELL, size_of(CELL, requests=5)) is None
    for other in ("commit", "settings", "machine"):
        assert Results(path, MADE_BY | {other: "another"}).find(CELL, SIZE) is None


def test_the_newest_line_counts(tmp_path: Path) -> None:
    results = Results(tmp_path / "bench.jsonl", MADE_BY)
    results.add(CELL, SIZE, {"tokens_per_s": 5})
    results.add(CELL, SIZE, {"tokens_per_s": 6})

    assert results.find(CELL, SIZE) == {"tokens_per_s": 6}


def test_a_line_that_was_cut_off_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "bench.jsonl"
    results = Results(path, MADE_BY)
    results.add(CELL, SIZE, {"tokens_per_s": 5})
    path.write_text(path.read_text() + '{"cell": {"mod')
    other = Cell("reference", "bare", 1, False)
    results.add(other, SIZE, {"tokens_per_s": 7})

    assert results.find(CELL, SIZE) == {"tokens_per_s": 5}
    assert results.find(other, SIZE) == {"tokens_per_s": 7}


def test_where_a_stack_lies_is_no_other_setting_and_no_secret_is_written(tmp_path: Path) -> None:
    here = made_by(tmp_path, {"GYRE_HOME": "/a", "PATH": "/bin", "GYRE_SERVICE_TOKEN": "s3cret"})
    there = made_by(tmp_path, {"GYRE_HOME": "/b", "PATH": "/usr", "GYRE_SERVICE_TOKEN": "s3cret"})

    assert here == there
    assert here != made_by(tmp_path, {"GYRE_BATCH_REQUESTS": "8"})
    assert "s3cret" not in json.dumps(here)

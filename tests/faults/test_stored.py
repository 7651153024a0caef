"""The judges of what is stored: a row or a point that lacks, or is there twice, is counted."""

import pickle
import sqlite3
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.faults.harness.judgement import Judgement
from tests.faults.harness.ledger import Entry, Ledger
from tests.faults.harness.rows import Rows
from tests.faults.harness.stored import SCORED, STORES, check_points, check_rows

ID, PLAIN = "0545653b-f7c3-5275-8a19-c354af560f41", "0545653bf7c352758a19c354af560f41"
SAID = Ledger([Entry("document", "key", 0.5, accepted=1.0, id=ID)])
ALL: list[tuple[str, tuple[Any, ...]]] = [
    (f"service.{table}", ("default", PLAIN, 1)) for table in STORES["document"]
]


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (ALL, Judgement()),
        ([*ALL, ("other.table", ("default", ID))], Judgement()),
        (ALL[1:], Judgement(lost=1)),
        ([*ALL, ("service.ingestion_version", ("default", PLAIN, 2))], Judgement(double=1)),
        ([*ALL, ALL[0]], Judgement(double=1)),
        ([], Judgement(lost=len(ALL))),
    ],
)
def test_each_store_has_each_thing_once(
    rows: list[tuple[str, tuple[Any, ...]]], found: Judgement
) -> None:
    there: Rows = Counter(rows)

    assert check_rows(SAID, there) == found


@pytest.mark.parametrize(
    ("no_context", "scored", "found"),
    [
        (False, True, Judgement()),
        (False, False, Judgement(lost=2)),
        (True, False, Judgement()),
        (True, True, Judgement(double=2)),
    ],
)
def test_an_answer_made_while_search_was_away_is_not_scored_and_any_other_is(
    no_context: bool, scored: bool, found: Judgement
) -> None:
    said = Entry("question", "key", 0.5, accepted=1.0, id=ID, no_context=no_context)
    tables = [each for each in STORES["question"] if scored or each not in SCORED]
    there: Rows = Counter((f"service.{table}", ("default", PLAIN)) for table in tables)

    assert check_rows(Ledger([said]), there) == found


@pytest.mark.parametrize(
    ("points", "found"),
    [
        (["a", "b"], Judgement()),
        (["a"], Judgement(lost=1)),
        (["a", "b", "b"], Judgement(double=1)),
        (["a", "b", "c"], Judgement(double=1)),  # of a chunk that is no more
    ],
)
def test_each_chunk_has_one_point(tmp_path: Path, points: list[str], found: Judgement) -> None:
    folder = tmp_path / "qdrant" / "collection" / "chunks"
    folder.mkdir(parents=True)
    (tmp_path / "data").mkdir()
    with sqlite3.connect(tmp_path / "data" / "retrieval.db") as database:
        database.execute("CREATE TABLE retrieval_chunk (document_id, chunk_id)")
        chunks = [(PLAIN, "a"), (PLAIN, "b"), ("another", "d")]
        database.executemany("INSERT INTO retrieval_chunk VALUES (?, ?)", chunks)
    with sqlite3.connect(folder / "storage.sqlite") as database:
        database.execute("CREATE TABLE points (point BLOB)")
        for chunk in points:
            point = SimpleNamespace(payload={"document_id": ID, "chunk_id": chunk})
            database.execute("INSERT INTO points VALUES (?)", (pickle.dumps(point),))

    assert check_points(tmp_path, SAID) == found

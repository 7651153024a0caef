"""L and D in what the services have stored: each accepted thing is in every store, and once."""

import pickle
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from tests.faults.harness.judgement import Judgement
from tests.faults.harness.ledger import Kind, Ledger
from tests.faults.harness.rows import Rows, opened

# Tables with a row for each thing of a kind; and how many, where that is not one.
STORES: Mapping[Kind, tuple[str, ...]] = {
    "comment": ("feedback_feedback", "gateway_verdict"),
    "document": (
        "gateway_document",
        "ingestion_document",
        "ingestion_submission",
        "ingestion_version",
        "retrieval_document",
        "retrieval_version",
        "retrieval_chunk",
    ),
    "question": (
        "inference_stored_answer",
        "gateway_answer",
        "gateway_score",
        "feedback_answer",
        "evaluation_scored_answer",
        "registry_answer_origin",
    ),
}
MOST = {"gateway_score": 7}  # one for each of evaluation's scores
SCORED = ("gateway_score", "evaluation_scored_answer")  # none where search was away
POINTS = "qdrant/collection/*/storage.sqlite"


def check_rows(ledger: Ledger, rows: Rows) -> Judgement:
    """L and D by row: none of the stores of a kind lacks a thing, no table has it twice."""
    accepted = [each for each in ledger.entries if each.accepted is not None]
    kinds = {_plain(each.id): each.kind for each in accepted}
    unscored = {_plain(each.id) for each in accepted if each.no_context}

    def most(table: str, id: str) -> int:
        return 0 if table in SCORED and id in unscored else MOST.get(table, 1)

    found: dict[tuple[str, Kind], Counter[str]] = defaultdict(Counter)
    for (place, row), times in rows.items():
        table = place.partition(".")[2]  # inference's replicas have databases of their own
        for id in {_plain(value) for value in row if isinstance(value, str)} & kinds.keys():
            found[table, kinds[id]][id] += times
    return Judgement.of(
        "rows",
        lost=(
            f"{table} {id}"
            for id, kind in kinds.items()
            for table in STORES[kind]
            if most(table, id) and id not in found.get((table, kind), ())
        ),
        double=(
            f"{table} {id}"
            for (table, _), counts in found.items()
            for id, count in counts.items()
            if count > most(table, id)
        ),
    )


def check_points(home: Path, ledger: Ledger) -> Judgement:
    """L and D for what is searched: as many points for each document as it has chunks.

    Args:
        home: Of a stack whose retrieval has its index in a folder.
        ledger: Of the clients.
    """
    wanted = {_plain(each.id) for each in ledger.accepted("document")}
    with opened(home / "data" / "retrieval.db") as database:
        query = "SELECT document_id, chunk_id FROM retrieval_chunk"
        chunks = {(document, chunk) for document, chunk in database.execute(query)}
    points: Counter[tuple[str, str]] = Counter()
    for file in home.glob(POINTS):
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            for (content,) in database.execute("SELECT point FROM points"):
                said = pickle.loads(content).payload
                points[_plain(said["document_id"]), _plain(said["chunk_id"])] += 1
    mine = {each for each in chunks if each[0] in wanted}
    return Judgement.of(
        "points",
        lost=(chunk for document, chunk in mine - points.keys()),
        double=(
            each[1]
            for each, count in points.items()
            if each[0] in wanted
            for _ in range(count - (each in mine))
        ),
    )


def _plain(id: str) -> str:
    """Return an id as every table has it: some have it with hyphens."""
    return id.replace("-", "")

"""The judges themselves: each thing that must not happen turns its own count red."""

import json
import sqlite3
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from aiokafka import ConsumerRecord

from tests.conftest import Record, Stack
from tests.faults.harness.checkers import (
    check_answers,
    check_comments,
    check_detectors,
    counted_questions,
)
from tests.faults.harness.fault import Fault, Trial
from tests.faults.harness.judgement import Judgement
from tests.faults.harness.ledger import Entry, Kind, Ledger
from tests.faults.harness.report import passed, report, summary, table
from tests.faults.harness.results import Results, unjudged
from tests.faults.harness.rows import changed, rows

FAULTS = {
    name: Fault(name, "SIGKILL", ("feedback",), {"gate": 2}, Mock(), substitute)
    for name, substitute in (("R1", ""), ("R2", "another"))
}
FINE: dict[str, Any] = {
    "into": "feedback", "sent": 9, "unknown": 1, "lost": 0, "double": 0, "inversions": 0,
    "recovery_s": 3.0, "bound_s": 15.0, "waited_p95_s": 0.4,
}  # fmt: skip


def record(event: str, **value: Any) -> Record:
    return ConsumerRecord(
        topic="t",
        partition=0,
        offset=0,
        timestamp=0,
        timestamp_type=0,
        key=None,
        value=json.dumps(value).encode(),
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=[("ce_id", event.encode())],
    )


def entry(id: str, number: int, kind: Kind = "comment", accepted: float | None = 1.0) -> Entry:
    return Entry(kind, f"key-{id}", 0.5, "answer", number, accepted=accepted, id=id)


VERDICTS = [
    record("1", feedback_id="a", comment="key-a"),
    record("2", feedback_id="b", comment="key-b"),
]
SAID = Ledger([entry("a", 0), entry("b", 1)])


@pytest.mark.parametrize(
    ("verdicts", "found"),
    [
        (VERDICTS, Judgement()),
        ([VERDICTS[0], *VERDICTS], Judgement()),  # published again under its id
        (VERDICTS[:1], Judgement(lost=1)),
        ([*VERDICTS, record("3", feedback_id="a")], Judgement(double=1)),
        # What was said once has two ids: an attempt of a client did not know of the one before.
        ([*VERDICTS, record("3", feedback_id="c", comment="key-a")], Judgement(double=1)),
        (VERDICTS[::-1], Judgement(inversions=1)),
    ],
)
def test_comments_are_counted_once_and_in_order(verdicts: list[Record], found: Judgement) -> None:
    assert check_comments(SAID, verdicts) == found


def test_what_was_never_accepted_is_not_lost() -> None:
    assert check_comments(Ledger([entry("", 0, accepted=None)]), []) == Judgement()


def answer(event: str, id: str, **value: Any) -> Record:
    return record(event, answer_id=id, **{"question": "mine?", **value})


def test_an_answer_that_broke_off_is_not_the_answer() -> None:
    asked = Ledger([entry("x", 0, "question")])
    broken = answer("1", "x", broken_off=True)

    assert check_answers(asked, [broken]) == Judgement(lost=1)
    assert check_answers(asked, [broken, answer("2", "x")]) == Judgement()
    whole = [answer("2", "x"), answer("3", "x")]
    assert check_answers(asked, whole) == Judgement(double=1)


def test_a_question_that_is_answered_under_two_ids_is_double() -> None:
    asked = Ledger([entry("x", 0, "question"), entry("", 1, "question", accepted=None)])
    asked.question = "mine?"
    answers = [answer("1", "x"), answer("2", "y"), answer("3", "z", question="others'?")]

    assert check_answers(asked, answers) == Judgement(double=1)
    asked.entries[1].unknown = 1  # given up without an answer: it may have been answered
    assert check_answers(asked, answers) == Judgement()


@pytest.mark.parametrize(
    "change", [{"lost": 1}, {"double": 1}, {"inversions": 1}, {"recovery_s": 15.1}]
)
def test_one_bad_trial_fails_its_fault(change: dict[str, Any]) -> None:
    assert Trial(**FINE)
    trials = [{"fault": "R1", "number": 0, **FINE}, {"fault": "R1", "number": 1, **FINE, **change}]
    assert passed(trials[:1])
    assert not passed(trials)

    verdicts = json.loads(summary("gate", 7, trials, FAULTS))["faults"]
    assert verdicts["R1"]["verdict"] == "fail"
    assert verdicts["R2"] == {
        "verdict": "not run", "trials": 0, "lost": 0, "double": 0, "inversions": 0,
        "recovery_p95_s": None, "substitute": "another",
    }  # fmt: skip
    assert "FAIL" in table(trials, {"R1": "SIGKILL"})


@pytest.mark.parametrize(("trials", "verdict"), [(1, "incomplete"), (2, "pass")])
def test_a_fault_passes_only_with_all_its_trials(trials: int, verdict: str) -> None:
    done = [{"fault": "R1", **FINE, "number": number} for number in range(trials)]

    line = summary("gate", 7, done, FAULTS)

    assert json.loads(line)["faults"]["R1"]["verdict"] == verdict


def test_trials_that_are_left_are_those_without_a_judgement(tmp_path: Path) -> None:
    results = Results(tmp_path, "gate", 7)
    fault, broken = FAULTS["R1"], unjudged("feedback", TimeoutError("no stack"))
    assert results.left(fault) == [("feedback", 0), ("feedback", 1)]

    results.add(fault, 0, Trial(**FINE), {})
    results.add(fault, 1, broken, {})
    with (tmp_path / "faults-gate.jsonl").open("a") as file:
        file.write('{"fault": "R1", "cut')
    assert results.left(fault) == [("feedback", 1)]
    assert Results(tmp_path, "gate", 8).left(fault) == [("feedback", 0), ("feedback", 1)]
    results.add(fault, 1, Trial(**FINE), {})
    assert results.left(fault) == []


def test_a_judgement_is_tried_for_twice_and_the_last_line_counts(tmp_path: Path) -> None:
    results = Results(tmp_path, "gate", 7)
    for _ in range(2):
        results.add(FAULTS["R1"], 0, unjudged("feedback", TimeoutError("no stack")), {})
    assert results.left(FAULTS["R1"]) == [("feedback", 1)]
    assert not passed(results.read())

    results.add(FAULTS["R1"], 0, Trial(**FINE), {})

    [line] = results.read()
    assert passed([line])
    assert len(results.tried_again()) == 2


def test_the_report_says_where_when_and_what_did_not_hold() -> None:
    made = {"at": "2026-01-01T00:00:00", "commit": "abc", "cpu": "X", "cores": 2, "number": 3}
    trials = [
        {"fault": "R1", **FINE, **made, "figures": {"parked": 2}},
        {"fault": "R1", **FINE, **made, "broken": ["ended with 1"], "figures": {"parked": 5}},
    ]
    mutations = {"fsync": {"by": "a test", "verdict": "noticed"}}

    again = [{"fault": "R2", **FINE, **made, "broken": ["no judgement: TimeoutError()"]}]

    said = report("gate", 7, trials, FAULTS, mutations, again)

    assert "on 2 cores of X" in said
    assert "parked 2 to 5" in said
    assert "- R2: another" in said
    assert "| fsync | `a test` | noticed |" in said
    assert "Commits: abc." in said
    assert said.count("- R1 ") == 1
    assert "- R2 feedback 3: no judgement" in said
    assert "3: ended with 1" in said


@pytest.mark.parametrize(
    ("counted", "seen", "found"),
    [
        (2, "123", Judgement()),
        (3, "123", Judgement(double=1)),
        (1, "1", Judgement(lost=1)),
        (2, "1", Judgement(lost=1, double=1)),  # one for the other is not even
    ],
)
def test_detectors_have_counted_each_question_once(
    tmp_path: Path, counted: int, seen: str, found: Judgement
) -> None:
    (tmp_path / "data").mkdir()
    with sqlite3.connect(tmp_path / "data" / "drift.db") as database:
        database.execute("CREATE TABLE drift_stream (tenant, route, events)")
        database.execute("CREATE TABLE seen (id)")
        database.execute("INSERT INTO drift_stream VALUES ('default', 'r', ?)", (counted,))
        database.executemany("INSERT INTO seen VALUES (?)", list(seen))
    there = counted_questions(Stack(tmp_path, 0), "r")
    asked = [record(id, route="r", purpose="live") for id in ("1", "2", "2")]
    others = [record("3", route="r", purpose="probe"), record("4", route="s", purpose="live")]

    assert check_detectors(*there, "r", asked + others) == found
    assert counted_questions(Stack(tmp_path, 0), "s")[0] == 0


def test_a_row_more_is_seen_and_what_only_passes_is_not(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with sqlite3.connect(tmp_path / "data" / "feedback.db") as database:
        database.execute("CREATE TABLE verdict (id INTEGER)")
        database.execute("CREATE TABLE outbox (id INTEGER)")
        database.execute("INSERT INTO verdict VALUES (1)")
        database.commit()
        before = rows(tmp_path)
        database.execute("INSERT INTO verdict VALUES (1)")
        database.execute("INSERT INTO outbox VALUES (1)")
        database.commit()

    assert before.total() == 1
    assert changed(before, rows(tmp_path)) == {"feedback.verdict": 1}

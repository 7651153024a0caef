"""Judges of recorded histories: the ledger on one side, Kafka and the API on the other."""

import json
from collections import defaultdict
from itertools import pairwise

import httpx

from tests.conftest import Record, Stack
from tests.faults.harness.judgement import Judgement
from tests.faults.harness.ledger import Entry, Ledger
from tests.faults.harness.rows import opened, rows
from tests.faults.harness.stored import check_points, check_rows


def effects(records: list[Record], field: str) -> dict[str, list[str]]:
    """Return the ids of the events under each value of `field`, each once, in the log's order.

    A record published again has its id again: that is no second effect.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for record in records:
        value = json.loads(record.value or b"{}")
        id = dict(record.headers)["ce_id"].decode()
        what = value.get(field)
        if what is not None and not value.get("broken_off") and id not in found[what]:
            found[what].append(id)
    return found


def once_each(wanted: list[str], found: dict[str, list[str]], where: str = "events") -> Judgement:
    """L and D: each wanted thing has an effect, and one only."""
    return Judgement.of(
        where,
        lost=(id for id in wanted if not found.get(id)),
        double=(id for id in wanted if len(found.get(id, ())) > 1),
    )


def check_comments(ledger: Ledger, verdicts: list[Record]) -> Judgement:
    """L, D and O for what people said: one verdict for each, in the order of saying."""
    found = effects(verdicts, "feedback_id")
    said = ledger.accepted("comment")
    place = {id: number for number, id in enumerate(found)}
    by_answer: dict[str, list[Entry]] = defaultdict(list)
    for entry in sorted(said, key=lambda entry: entry.number):
        by_answer[entry.about].append(entry)
    inversions = sum(
        place[one.id] > place[next.id]
        for entries in by_answer.values()
        for one, next in pairwise(entries)
        if one.id in place and next.id in place
    )
    by_key = effects(verdicts, "comment")  # a client's attempts have one key, and the same words
    again = (entry.key for entry in said if len(by_key.get(entry.key, ())) > 1)
    return (
        once_each([entry.id for entry in said], found, "verdicts")
        + Judgement.of("verdicts of one key", double=again)
        + Judgement(inversions=inversions)
    )


def check_answers(ledger: Ledger, answers: list[Record]) -> Judgement:
    """L and D for what was answered: each is an event, and no question has two answers."""
    asked = [entry.id for entry in ledger.accepted("question")]
    found = effects(answers, "answer_id")
    # One that was given up may have been answered all the same.
    unknown = sum(
        entry.accepted is None and entry.unknown > 0
        for entry in ledger.entries
        if entry.kind == "question"
    )
    said = [json.loads(each.value or b"{}") for each in answers]
    ours = {each["answer_id"] for each in said if each["question"] == ledger.question}
    others = sorted(ours - set(asked))[unknown:]
    return once_each(asked, found, "answers") + Judgement.of("nobody's answers", double=others)


def _is_of(record: Record, route: str) -> bool:
    value = json.loads(record.value or b"{}")
    return bool(value.get("route") == route and value.get("purpose") == "live")


def check_documents(ledger: Ledger, api: httpx.Client, indexed: list[Record]) -> Judgement:
    """L and D for documents: each is searched, in its first version."""
    found = effects(indexed, "document_id")
    sent = [entry.id for entry in ledger.accepted("document")]
    states = {id: api.get(f"/v1/documents/{id}").json() for id in sent}
    return Judgement.of(
        "documents",
        lost=(id for id in sent if states[id].get("status") != "indexed"),
        double=(
            id for id in sent if len(found.get(id, ())) > 1 or states[id].get("version", 1) != 1
        ),
    )


def counted_questions(stack: Stack, route: str) -> tuple[int, set[str]]:
    """Return how many live questions of a route drift has counted, and all events it has seen."""
    with opened(stack.home / "data" / "drift.db") as database:
        query = "SELECT events FROM drift_stream WHERE tenant = 'default' AND route = ?"
        [counted] = database.execute(query, (route,)).fetchone() or (0,)
        seen = {id for (id,) in database.execute("SELECT id FROM seen")}
    return int(counted), seen


def check_detectors(counted: int, seen: set[str], route: str, observed: list[Record]) -> Judgement:
    """L and D for state that accumulates: each live question of a route is counted once.

    Args:
        counted: By the detectors, before `observed` was read: what came since is not lost yet.
        seen: Ids of all events that they have.
        route: That the load asks.
        observed: All there are.
    """
    ids = {dict(each.headers)["ce_id"].decode() for each in observed if _is_of(each, route)}
    # Each that was seen was counted with it: a count of more is one that counted twice.
    more = max(0, counted - len(ids & seen))
    return Judgement.of("drift", lost=sorted(ids - seen), double=["a question"] * more)


def judge(stack: Stack, api: httpx.Client, model: str, ledger: Ledger) -> Judgement:
    """Look once at everything that a load led to."""
    since, route = ledger.began, model.removeprefix("gyre/")
    counted, seen = counted_questions(stack, route)
    return (
        check_comments(ledger, stack.read("verdict-recorded", since))
        + check_answers(ledger, stack.read("answer-generated", since))
        + check_documents(ledger, api, stack.read("document-indexed", since))
        + check_detectors(counted, seen, route, stack.read("embedding-observed"))
        + check_rows(ledger, rows(stack.home))
        + check_points(stack.home, ledger)
    )

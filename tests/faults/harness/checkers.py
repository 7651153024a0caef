"""Judges of recorded histories: the ledger on one side, Kafka and the API on the other."""

import json
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

import httpx

from tests.conftest import Record, Stack
from tests.faults.harness.ledger import Entry, Ledger
from tests.faults.harness.rows import opened


@dataclass
class Judgement:
    """Counts of what must not happen. Lost: accepted, and without effect."""

    lost: int = 0
    double: int = 0
    inversions: int = 0

    def __add__(self, other: "Judgement") -> "Judgement":
        return Judgement(
            self.lost + other.lost, self.double + other.double, self.inversions + other.inversions
        )


def effects(records: list[Record], field: str) -> dict[str, list[str]]:
    """Return the ids of the events under each value of `field`, each once, in the log's order.

    A record published again has its id again: that is no second effect.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for record in records:
        value = json.loads(record.value or b"{}")
        id = dict(record.headers)["ce_id"].decode()
        if not value.get("broken_off") and id not in found[value[field]]:
            found[value[field]].append(id)
    return found


def once_each(wanted: list[str], found: dict[str, list[str]]) -> Judgement:
    """L and D: each wanted thing has an effect, and one only."""
    return Judgement(
        lost=sum(not found.get(id) for id in wanted),
        double=sum(len(found.get(id, ())) > 1 for id in wanted),
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
    return once_each([entry.id for entry in said], found) + Judgement(inversions=inversions)


def check_answers(ledger: Ledger, answers: list[Record]) -> Judgement:
    """L and D for what was answered: each is an event, under one id."""
    asked = [entry.id for entry in ledger.accepted("question")]
    return once_each(asked, effects(answers, "answer_id"))


def check_documents(ledger: Ledger, api: httpx.Client, indexed: list[Record]) -> Judgement:
    """L and D for documents: each is searched, in its first version."""
    found = effects(indexed, "document_id")
    sent = ledger.accepted("document")
    states = {entry.id: api.get(f"/v1/documents/{entry.id}").json() for entry in sent}
    return Judgement(
        lost=sum(state.get("status") != "indexed" for state in states.values()),
        double=sum(
            len(found.get(id, ())) > 1 or state.get("version") != 1 for id, state in states.items()
        ),
    )


def counted_questions(stack: Stack, route: str) -> int:
    """Return how many live questions of a route drift's detectors have counted."""
    with opened(stack.home / "data" / "drift.db") as database:
        query = "SELECT events FROM drift_stream WHERE tenant = 'default' AND route = ?"
        [counted] = database.execute(query, (route,)).fetchone() or (0,)
    return int(counted)


def check_detectors(counted: int, route: str, observed: list[Record]) -> Judgement:
    """L and D for state that accumulates: each live question of a route is counted once.

    Args:
        counted: By the detectors, before `observed` was read: what came since is not lost yet.
        route: That the load asks.
        observed: All there are.
    """
    ids = set()
    for record in observed:
        value = json.loads(record.value or b"{}")
        if value["route"] == route and value["purpose"] == "live":
            ids.add(dict(record.headers)["ce_id"])
    return Judgement(lost=max(0, len(ids) - counted), double=max(0, counted - len(ids)))


def judge(stack: Stack, api: httpx.Client, model: str, ledger: Ledger) -> Judgement:
    """Look once at everything that a load led to."""
    since, route = ledger.began, model.removeprefix("gyre/")
    counted = counted_questions(stack, route)
    return (
        check_comments(ledger, stack.read("verdict-recorded", since))
        + check_answers(ledger, stack.read("answer-generated", since))
        + check_documents(ledger, api, stack.read("document-indexed", since))
        + check_detectors(counted, route, stack.read("embedding-observed"))
    )

"""Makes suites of the examples that a training never sees."""

import logging
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from gyre_evaluation.matching import Match, comparable
from gyre_evaluation.suites.content import MAX_ITEMS, MOVED, PRAISED, Item, Suite
from gyre_service.errors import Rejected

log = logging.getLogger(__name__)

# Of a sentence or a form the whole counts; nobody writes a paragraph the same twice.
EXACT_WORDS = 12
WHAT = {
    MOVED: "What people corrected after the world moved, on the route",
    PRAISED: "What people praised after the world moved, on the route",
}


def suites_of(job_id: UUID, route: str, contents: Iterable[dict[str, Any]]) -> list[Suite]:
    """Return each example's question with its evidence and the answer wanted.

    What people corrected is `moved/<job id>`, what they praised `moved/praised-<job id>`: there
    the answer wanted is production's own, so a candidate can keep it, and gain nothing. One of
    which there is no example is left out.

    Args:
        job_id: Of the training.
        route: Whose questions they are.
        contents: Of the holdout's examples, as `feedback` writes them: id, kind, question, passages
            with document and text, answer. Examples without passages test no reading, and what
            is longer than an item may be would keep the others from being asked: both are left
            out, and of each suite all after the first `MAX_ITEMS`. Of those with the same question
            and answer, but for case and white space, the first one is asked: the others would
            count one thing learned as many.

    Raises:
        Rejected: An example is none, or nothing is left.
    """
    made: dict[str, dict[tuple[str, str], Item]] = {MOVED: {}, PRAISED: {}}
    try:
        for content in contents:
            kind = made[PRAISED if content["kind"] == "praised" else MOVED]
            if content["passages"] and len(kind) < MAX_ITEMS and (item := _item(content)):
                kind.setdefault((_plain(item.question), _plain(item.expected[0])), item)
        suites = [
            Suite(
                name=f"{kind}{job_id}",
                description=f"{WHAT[kind]} {route}.",
                items=tuple(items.values()),
            )
            for kind, items in made.items()
            if items
        ]
    except (KeyError, TypeError, ValidationError) as error:
        raise Rejected(f"the holdout of job {job_id} makes no suite: {error}") from error
    if not suites:
        raise Rejected(f"the holdout of job {job_id} makes no suite: no example can be asked")
    return suites


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _item(content: dict[str, Any]) -> Item | None:
    answer: str = content["answer"]
    match: Match = "exact" if len(comparable(answer)) <= EXACT_WORDS else "like"
    passages = [
        {"document": passage["document"], "text": passage["text"], "page": passage.get("page")}
        for passage in content["passages"]
    ]
    fields = {"id": content["id"], "question": content["question"], "passages": passages}
    try:
        return Item.model_validate(fields | {"expected": (answer,), "match": match})
    except ValidationError as error:
        first = error.errors(include_input=False)[0]  # what people wrote stays out of the log
        log.warning("example %s is left out: %s: %s", content["id"], first["loc"], first["msg"])
        return None

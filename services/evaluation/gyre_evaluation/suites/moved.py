"""Makes a suite of the examples that a training never sees."""

import logging
from collections.abc import Iterable
from itertools import islice
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from gyre_evaluation.matching import Match, comparable
from gyre_evaluation.suites.content import MAX_ITEMS, MOVED, Item, Suite
from gyre_service.errors import Rejected

log = logging.getLogger(__name__)

# Of a sentence or a form the whole counts; nobody writes a paragraph the same twice.
EXACT_WORDS = 12


def moved_suite(job_id: UUID, route: str, contents: Iterable[dict[str, Any]]) -> Suite:
    """Return `moved/<job id>`: each example's question with its evidence and the answer wanted.

    Args:
        job_id: Of the training.
        route: Whose questions they are.
        contents: Of the holdout's examples, as `feedback` writes them: id, question, passages
            with document and text, answer. Examples without passages test no reading, and what
            is longer than an item may be would keep the others from being asked: both are left
            out, and all after the first `MAX_ITEMS`.

    Raises:
        Rejected: An example is none, or nothing is left.
    """
    try:
        made = (_item(content) for content in contents if content["passages"])
        return Suite(
            name=f"{MOVED}{job_id}",
            description=f"What people wanted to hear of {route} after the world moved.",
            items=tuple(islice((item for item in made if item is not None), MAX_ITEMS)),
        )
    except (KeyError, TypeError, ValidationError) as error:
        raise Rejected(f"the holdout of job {job_id} makes no suite: {error}") from error


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

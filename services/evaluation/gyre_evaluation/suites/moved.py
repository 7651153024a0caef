"""Makes a suite of the examples that a training never sees."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from gyre_evaluation.matching import Match, comparable
from gyre_evaluation.suites.content import MOVED, GivenPassage, Item, Suite
from gyre_service.errors import Rejected

# Of a sentence or a form the whole counts; nobody writes a paragraph the same twice.
EXACT_WORDS = 12


def moved_suite(job_id: UUID, route: str, contents: Iterable[dict[str, Any]]) -> Suite:
    """Return `moved/<job id>`: each example's question with its evidence and the answer wanted.

    Args:
        job_id: Of the training.
        route: Whose questions they are.
        contents: Of the holdout's examples, as `feedback` writes them: id, question, passages
            with document and text, answer. Examples without passages test no reading: they are
            left out.

    Raises:
        Rejected: An example is none, or nothing is left.
    """
    try:
        items = tuple(_item(content) for content in contents if content["passages"])
        return Suite(
            name=f"{MOVED}{job_id}",
            description=f"What people wanted to hear of {route} after the world moved.",
            items=items,
        )
    except (KeyError, TypeError, ValidationError) as error:
        raise Rejected(f"the holdout of job {job_id} makes no suite: {error}") from error


def _item(content: dict[str, Any]) -> Item:
    answer: str = content["answer"]
    match: Match = "exact" if len(comparable(answer)) <= EXACT_WORDS else "like"
    return Item(
        id=content["id"],
        question=content["question"],
        passages=tuple(
            GivenPassage(
                document=passage["document"], text=passage["text"], page=passage.get("page")
            )
            for passage in content["passages"]
        ),
        expected=(answer,),
        match=match,
    )

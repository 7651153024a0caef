"""What Gyre answers. Fields this version does not know are kept, so `--json` shows them."""

from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

T = TypeVar("T")
K = TypeVar("K")


class Result(BaseModel):
    """Base of all results: frozen, and open for what later versions add."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)


class Submission(Result):
    """A document that was accepted; searchable only once it is indexed."""

    id: str
    name: str
    collection: str = "default"
    status: str
    sha256: str = ""


class Document(Result):
    """A document as it is now."""

    id: str
    name: str
    collection: str = "default"
    status: str
    version: int | None = None
    chunks: int | None = None
    reason: str | None = None
    sha256: str | None = None
    updated_at: datetime | None = None


class Passage(Result):
    """Part of a document that an answer was given; `page` only where there are pages."""

    id: str = ""
    document: str = ""
    page: int | None = None
    text: str = ""
    score: float | None = None  # cosine similarity to the question, -1..1


class Cost(Result):
    """What an answer cost, exactly, and by which version of the price table."""

    amount: Decimal
    currency: str
    prices: str = ""


class Answer(Result):
    """An answer with its sources, numbered from 1 in this order."""

    text: str
    answer_id: str | None = None
    conversation_id: str | None = None
    model: str | None = None
    refused: bool = False
    passages: tuple[Passage, ...] = ()
    finish_reason: str | None = None
    arm: str | None = None
    adapter: str | None = None  # digest; None: the base alone
    cost: Cost | None = None


class AnswerRecord(Result):
    """An answer as Gyre keeps it."""

    answer_id: str = Field(validation_alias=AliasChoices("answer_id", "id"))
    question: str = ""
    answer: str = ""
    route: str = ""
    model: str = ""
    refused: bool = False
    passages: tuple[Passage, ...] = ()


class Example(Result):
    """A question, and the answer wanted: the one given, if it was praised, or an edited one."""

    question: str
    answer: str
    kind: str = ""


class Dataset(Result):
    """The curated examples of a route; `digest` names this version of them."""

    route: str
    digest: str | None = None
    examples: int = 0
    data: tuple[Example, ...] = ()  # of one dataset, oldest first; not in a list of datasets
    has_more: bool = False


class Route(Result):
    """What a question is asked of."""

    name: str
    collection: str = ""
    prompt: str = ""
    policy: dict[str, object] = {}
    revision: int | None = None


class Model(Result):
    """Something that answers under a name."""

    id: str
    owned_by: str = ""


class Suite(Result):
    """Frozen questions with the evidence and the answers wanted."""

    name: str
    digest: str = ""
    items: int = 0
    description: str = ""
    shipped: bool = False


class Metric(Result):
    """A figure; in a report with its 95 % interval."""

    name: str
    value: float = 0
    low: float | None = None
    high: float | None = None
    trials: int = 0


class ItemResult(Result):
    """How one item of a suite went; `error` says why there is no answer."""

    item_id: str
    question: str = ""
    expected: str = ""
    answer: str = ""
    passed: bool = False
    metrics: tuple[Metric, ...] = ()
    latency_s: float = 0
    answer_id: str = ""
    error: str = ""


class Report(Result):
    """How a suite went. `ok`: every floor is reached; `failures` names those that are not."""

    suite: str
    suite_digest: str = ""
    route: str = ""
    model: str = ""
    items: int = 0
    passed: int = 0
    ok: bool = False
    metrics: tuple[Metric, ...] = ()
    failures: tuple[str, ...] = ()


class FeedbackAccepted(Result):
    """Kafka has it; it counts once its answer is known."""

    feedback_id: str


class Listing(Result, Generic[T]):
    """A page of a list."""

    data: tuple[T, ...]
    has_more: bool = False

    @classmethod
    def of(cls, kind: type[K]) -> "type[Listing[K]]":
        """Return the type of a page of `kind`."""
        return Listing[kind]  # type: ignore[valid-type]

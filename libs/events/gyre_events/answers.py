"""The life of one answer: generated, observed, scored."""

from decimal import Decimal
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from gyre_events.base import Digest, Encoder, Event, Purpose, Share, Text

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
# Text in JSON: a number would be rounded by whoever reads it as a float.
Money = Annotated[
    Decimal,
    Field(ge=0),
    PlainSerializer(lambda amount: format(amount, "f"), return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}),
]


class Passage(BaseModel):
    """A chunk as the model saw it; its number in the prompt is its position from 1."""

    model_config = ConfigDict(frozen=True)

    chunk_id: UUID
    document_id: UUID
    version: Annotated[int, Field(ge=1)]
    document: str
    page: int | None = None
    text: str
    score: float = Field(description="cosine similarity to the question, -1..1")


class OfAnswer(Event):
    """What an answer's own event and every event derived from it repeat."""

    answer_id: UUID
    conversation_id: UUID
    person: str | None = Field(default=None, description="a pseudonym, never a name")
    route: Text
    purpose: Purpose = Purpose.LIVE
    arm: Text = "production"
    rollout_id: UUID
    revision: Annotated[int, Field(ge=1)] = 1
    model: Text
    refused: bool = False
    no_context: bool = Field(
        default=False,
        description="search was away, so nothing was found: it says nothing about the model",
    )
    prompt_tokens: Count = Field(default=0, description="given to the engine; 0: it was not asked")
    cached_tokens: Count = Field(default=0, description="of the prompt's, those without work")
    completion_tokens: Count = Field(default=0, description="made by the engine")
    latency_s: Seconds = 0
    cost_usd: Annotated[float, Field(ge=0)] = Field(
        default=0, description="`cost` as a float where the currency is USD, else 0"
    )
    cost: Money | None = Field(default=None, description="exact; null: older than prices")
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = Field(
        default=None, description="of `cost`, ISO 4217"
    )
    price_version: Text | None = Field(
        default=None, description="of the price table; `policy`: the route's cost_usd_per_1k_tokens"
    )


class AnswerGenerated(OfAnswer):
    """The model answered a question, or declined to, or broke off.

    One that was broken off is there for its cost, and is no answer to show, judge or learn from.
    """

    topic: ClassVar[str] = "answer-generated"
    key_field: ClassVar[str] = "conversation_id"

    collection: Text = "default"
    base_digest: Digest
    adapter_digest: Digest | None = None
    prompt_digest: Digest
    question: Text
    answer: str
    passages: tuple[Passage, ...] = ()
    cited: tuple[int, ...] = Field(default=(), description="numbers of passages, from 1")
    finish_reason: str = "stop"
    cached: bool = False
    broken_off: bool = Field(
        default=False,
        description="who asked cancelled it, or it failed (`finish_reason`: cancelled, failed); "
        "`answer` is what was made, and the same answer_id may come again, whole",
    )
    time_to_first_token_s: Seconds | None = None
    time_per_output_token_s: Seconds | None = Field(
        default=None, description="mean of the tokens after the first ones; null: there were none"
    )
    engine_s: Seconds | None = Field(default=None, description="that the engine had the prompt")
    seed: int | None = None
    choices: Annotated[int, Field(ge=1)] = Field(
        default=1, description="alternatives given; `answer` is the first, tokens are of them all"
    )
    alone: bool | None = Field(
        default=None,
        description="whether `question` is all that was asked: no earlier turns, no system "
        "message, sampled as the route says; null: older than this",
    )
    plain: bool | None = Field(
        default=None,
        description="whether the model was given `question`, its passages and the route's prompt "
        "alone: no earlier turns, no system message, no JSON schema, however it was sampled; "
        "null: older than this",
    )


class EmbeddingObserved(Event):
    """A question as the encoder sees it, with how well search did. One per question."""

    topic: ClassVar[str] = "embedding-observed"
    key_field: ClassVar[str] = "route"

    answer_id: UUID
    route: Text
    purpose: Purpose = Purpose.LIVE
    person: str | None = None
    text: Text
    encoder: Encoder
    vector: str = Field(description="base64 of little-endian float32, `encoder.dimension` long")
    top_score: float | None = Field(default=None, description="cosine; null: no search or no hit")
    margin: float | None = Field(default=None, description="first score minus second")
    hits: Count = 0
    searched: bool | None = Field(
        default=None, description="whether passages were looked for; null: older than this"
    )
    injection_score: Share = 0


class Score(BaseModel):
    """One judgement of one answer."""

    model_config = ConfigDict(frozen=True)

    name: Text
    value: float
    label: str = ""
    explanation: str = ""


class AnswerScored(OfAnswer):
    """Evaluation judged one answer."""

    topic: ClassVar[str] = "answer-scored"
    key_field: ClassVar[str] = "route"

    judge: Text
    scores: Annotated[tuple[Score, ...], Field(min_length=1)]

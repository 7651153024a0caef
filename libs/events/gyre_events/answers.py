"""The life of one answer: generated, observed, scored."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from gyre_events.base import Digest, Encoder, Event, Purpose, Share, Text

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]


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
    prompt_tokens: Count = 0
    completion_tokens: Count = 0
    latency_s: Seconds = 0
    cost_usd: Annotated[float, Field(ge=0)] = 0


class AnswerGenerated(OfAnswer):
    """The model answered a question, or declined to."""

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
    time_to_first_token_s: Seconds | None = None
    seed: int | None = None
    choices: Annotated[int, Field(ge=1)] = Field(
        default=1, description="alternatives given; `answer` is the first, tokens are of them all"
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

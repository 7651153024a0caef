"""Events of other services, and how they come over Kafka."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from faststream.kafka import KafkaBroker

from gyre_events import (
    AnswerGenerated,
    AnswerScored,
    DocumentIndexed,
    DocumentRejected,
    DocumentRemoved,
    DocumentSubmitted,
    Encoder,
    Event,
    ExampleCurated,
    Passage,
    Score,
    VerdictRecorded,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
ANSWER = UUID("0198a1b2-0000-7000-8000-000000000001")
CONVERSATION = UUID("0198a1b2-0000-7000-8000-000000000002")
DOCUMENT = UUID("0198a1b2-0000-7000-8000-000000000004")
PASSAGE = Passage(
    chunk_id=uuid4(),
    document_id=DOCUMENT,
    version=1,
    document="keys.md",
    text="The key is under the mat.",
    score=0.5,
)


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def of_answer(answer_id: UUID = ANSWER, **more: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "answer_id": answer_id,
        "conversation_id": CONVERSATION,
        "route": "default",
        "rollout_id": uuid4(),
        "model": "reference",
        "latency_s": 0.5,
    }
    return fields | more


def generated(answer_id: UUID = ANSWER, **more: Any) -> AnswerGenerated:
    fields = {
        "base_digest": "1" * 64,
        "prompt_digest": "2" * 64,
        "question": "Where is the key?",
        "answer": "Under the mat [1].",
        "passages": (PASSAGE, PASSAGE),
        "cited": (1,),
    }
    return AnswerGenerated.model_validate(of_answer(answer_id) | fields | more)


def scored(value: float = 1, judge: str = "rules") -> AnswerScored:
    score = Score(name="faithfulness", value=value, label="good")
    return AnswerScored.model_validate(of_answer() | {"judge": judge, "scores": (score,)})


def verdict(feedback_id: UUID) -> VerdictRecorded:
    said = {"feedback_id": feedback_id, "by": "ada", "thumb": "down", "edited_answer": "Gone."}
    return VerdictRecorded.model_validate(of_answer() | said | {"decided_at": START})


def curated(number: int, route: str = "default", **more: Any) -> ExampleCurated:
    fields: dict[str, Any] = {
        "example_id": UUID(int=number),
        "answer_id": ANSWER,
        "conversation_id": CONVERSATION,
        "feedback_id": uuid4(),
        "route": route,
        "kind": "edited",
        "question": "Where is the key?",
        "passages": (PASSAGE,),
        "answer": "Gone.",
        "version": number,
        "dataset": str(number) * 64,
        "examples": number,
    }
    return ExampleCurated.model_validate(fields | more)


def submitted(sha256: str = "a" * 64, media_type: str = "text/markdown") -> DocumentSubmitted:
    return DocumentSubmitted(
        document_id=DOCUMENT,
        name="keys.md",
        media_type=media_type,
        sha256=sha256,
        size_bytes=3,
        dataref="blobs/a",
    )


def indexed(sha256: str = "a" * 64, version: int = 1) -> DocumentIndexed:
    encoder = Encoder(name="fake", digest="3" * 64, dimension=2)
    return DocumentIndexed(
        document_id=DOCUMENT,
        name="keys.md",
        version=version,
        sha256=sha256,
        chunks=version * 2,
        encoder=encoder,
    )


def rejected(sha256: str = "a" * 64) -> DocumentRejected:
    return DocumentRejected(
        document_id=DOCUMENT, name="keys.md", sha256=sha256, reason="no text in it"
    )


def removed() -> DocumentRemoved:
    return DocumentRemoved(document_id=DOCUMENT, name="keys.md")


async def send(broker: KafkaBroker, event: Event, minute: int = 0, tenant: str = "default") -> None:
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(uuid4()),
        "ce_source": "/gyre/elsewhere",
        "ce_type": f"gyre.{event.topic}",
        "ce_tenant": tenant,
        "ce_time": at(minute).isoformat(),
    }
    await broker.publish(event.model_dump_json().encode(), topic=event.topic, headers=headers)

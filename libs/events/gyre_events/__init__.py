from gyre_events.answers import (
    AnswerGenerated,
    AnswerScored,
    EmbeddingObserved,
    Passage,
    Score,
)
from gyre_events.base import Encoder, Event, Purpose
from gyre_events.control import (
    ApiKeyChanged,
    Arm,
    Base,
    Policy,
    Prompt,
    RolloutChanged,
)
from gyre_events.documents import (
    ChunkEmbedded,
    ChunkPrepared,
    DocumentIndexed,
    DocumentRejected,
    DocumentRemoved,
    DocumentSubmitted,
)
from gyre_events.feedback import ExampleCurated, FeedbackGiven, VerdictRecorded

TOPICS: dict[str, type[Event]] = {
    event.topic: event
    for event in (
        AnswerGenerated,
        AnswerScored,
        ApiKeyChanged,
        ChunkEmbedded,
        ChunkPrepared,
        DocumentIndexed,
        DocumentRejected,
        DocumentRemoved,
        DocumentSubmitted,
        EmbeddingObserved,
        ExampleCurated,
        FeedbackGiven,
        RolloutChanged,
        VerdictRecorded,
    )
}

__all__ = [
    "TOPICS",
    "AnswerGenerated",
    "AnswerScored",
    "ApiKeyChanged",
    "Arm",
    "Base",
    "ChunkEmbedded",
    "ChunkPrepared",
    "DocumentIndexed",
    "DocumentRejected",
    "DocumentRemoved",
    "DocumentSubmitted",
    "EmbeddingObserved",
    "Encoder",
    "Event",
    "ExampleCurated",
    "FeedbackGiven",
    "Passage",
    "Policy",
    "Prompt",
    "Purpose",
    "RolloutChanged",
    "Score",
    "VerdictRecorded",
]

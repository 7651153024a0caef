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
from gyre_events.drift import (
    BatchTest,
    DriftDetected,
    Moved,
    Position,
    RemedyRequested,
    RetrainingRequested,
)
from gyre_events.feedback import ExampleCurated, FeedbackGiven, VerdictRecorded
from gyre_events.policy import (
    DriftPolicy,
    Policy,
    ReleasePolicy,
    RemedyPolicy,
    TrainingPolicy,
)
from gyre_events.release import AdapterEvaluated, AdapterLoaded, Measured, Paired, SuiteReport
from gyre_events.training import (
    AdapterTrained,
    Dataset,
    DatasetFrozen,
    TrainingFailed,
    TrainingProgressed,
)

TOPICS: dict[str, type[Event]] = {
    event.topic: event
    for event in (
        AdapterEvaluated,
        AdapterLoaded,
        AdapterTrained,
        AnswerGenerated,
        AnswerScored,
        ApiKeyChanged,
        ChunkEmbedded,
        ChunkPrepared,
        DatasetFrozen,
        DocumentIndexed,
        DocumentRejected,
        DocumentRemoved,
        DocumentSubmitted,
        DriftDetected,
        EmbeddingObserved,
        ExampleCurated,
        FeedbackGiven,
        RemedyRequested,
        RetrainingRequested,
        RolloutChanged,
        TrainingFailed,
        TrainingProgressed,
        VerdictRecorded,
    )
}

__all__ = [
    "TOPICS",
    "AdapterEvaluated",
    "AdapterLoaded",
    "AdapterTrained",
    "AnswerGenerated",
    "AnswerScored",
    "ApiKeyChanged",
    "Arm",
    "Base",
    "BatchTest",
    "ChunkEmbedded",
    "ChunkPrepared",
    "Dataset",
    "DatasetFrozen",
    "DocumentIndexed",
    "DocumentRejected",
    "DocumentRemoved",
    "DocumentSubmitted",
    "DriftDetected",
    "DriftPolicy",
    "EmbeddingObserved",
    "Encoder",
    "Event",
    "ExampleCurated",
    "FeedbackGiven",
    "Measured",
    "Moved",
    "Paired",
    "Passage",
    "Policy",
    "Position",
    "Prompt",
    "Purpose",
    "ReleasePolicy",
    "RemedyPolicy",
    "RemedyRequested",
    "RetrainingRequested",
    "RolloutChanged",
    "Score",
    "SuiteReport",
    "TrainingFailed",
    "TrainingPolicy",
    "TrainingProgressed",
    "VerdictRecorded",
]

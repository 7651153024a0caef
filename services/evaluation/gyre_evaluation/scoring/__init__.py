"""How an answer is judged. No Kafka, no gRPC, no database, no clock."""

from gyre_evaluation.scoring.rules import JUDGE, Encoding, Judged, score, texts_to_embed

__all__ = ["JUDGE", "Encoding", "Judged", "score", "texts_to_embed"]

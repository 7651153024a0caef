"""Scores as OpenTelemetry GenAI names them (semantic conventions v1.41)."""

from opentelemetry import trace

from gyre_events import AnswerGenerated, Score


def record_scores(event: AnswerGenerated, scores: tuple[Score, ...]) -> None:
    """Add one `gen_ai.evaluation.result` a score to the current span."""
    span = trace.get_current_span()
    for score in scores:
        attributes: dict[str, str | float] = {
            "gen_ai.evaluation.name": score.name,
            "gen_ai.evaluation.score.value": score.value,
            "gen_ai.evaluation.score.label": score.label,
            "gen_ai.evaluation.explanation": score.explanation,
            "gen_ai.response.id": str(event.answer_id),
        }
        span.add_event(
            "gen_ai.evaluation.result",
            {name: value for name, value in attributes.items() if value != ""},
        )

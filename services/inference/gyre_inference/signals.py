"""What the service shows of its work: spans by OpenTelemetry's GenAI names, and metrics.

The names are those of the semantic conventions v1.41, which are still in development: they are
written here and nowhere else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.trace import Span, SpanKind
from prometheus_client import Counter, Gauge, Histogram

from gyre_events import Purpose
from gyre_service.telemetry import failing, tracer

if TYPE_CHECKING:
    from gyre_inference.answering import Finished, Question
    from gyre_inference.metering import Meter

# Suites, shadows and probes are asked to compare: what people wait for is `live`.
TOKENS = Counter("gyre_tokens_total", "Tokens of prompts and answers", ["type", "purpose"])
ANSWERS = Counter("gyre_answers_total", "Questions answered", ["refused", "purpose"])
BROKEN_OFF = Counter(
    "gyre_answers_broken_off_total", "Answers that broke off", ["reason", "purpose"]
)
COST = Counter("gyre_cost_total", "What answers cost, by the price table", ["currency", "purpose"])
NO_CONTEXT = Counter("gyre_no_context_total", "Questions that retrieval was away for", ["purpose"])
FIRST_TOKEN = Histogram(
    "gyre_time_to_first_token_seconds",
    "From the question to the first token",
    ["purpose"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64),
)
IN_FLIGHT = Gauge("gyre_answers_in_flight", "Questions being answered now")


class Chat:
    """The span of one call of the engine."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def finish(self, meter: "Meter", reasons: tuple[str, ...]) -> None:
        self._span.set_attributes(
            {
                "gen_ai.usage.input_tokens": meter.prompt_tokens,
                "gen_ai.usage.output_tokens": meter.completion_tokens,
                "gen_ai.usage.cache_read.input_tokens": meter.cached_tokens,
                "gen_ai.response.finish_reasons": reasons,
                "gen_ai.response.time_to_first_chunk": meter.first_s or 0,
            }
        )


@contextmanager
def chat(question: "Question", provider: str) -> Iterator[Chat]:
    """Trace a call of the engine. Content is never recorded."""
    sampling = question.sampling
    attributes: dict[str, str | int | float | bool | tuple[str, ...]] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider,
        "gen_ai.conversation.id": str(question.conversation_id),
        "gen_ai.output.type": "json" if sampling.json_schema else "text",
        "gen_ai.prompt.name": question.rollout.route,
        "gen_ai.request.model": question.rollout.base.name,
        "gen_ai.request.stream": True,
        "gen_ai.request.temperature": sampling.temperature,
        "gen_ai.request.top_p": sampling.top_p,
        "gen_ai.request.max_tokens": sampling.max_tokens,
        "gen_ai.response.id": str(question.answer_id),
        "gen_ai.response.model": question.model,
    }
    if sampling.seed is not None:
        attributes["gen_ai.request.seed"] = sampling.seed
    if sampling.n > 1:
        attributes["gen_ai.request.choice.count"] = sampling.n
    if sampling.stop:
        attributes["gen_ai.request.stop_sequences"] = sampling.stop
    # Not the current span while its block yields: an async generator's caller would get it.
    span = tracer.start_span(
        f"chat {question.rollout.base.name}", kind=SpanKind.CLIENT, attributes=attributes
    )
    try:
        with failing(span):
            yield Chat(span)
    finally:
        span.end()


@contextmanager
def retrieval(collection: str) -> Iterator[None]:
    """Trace a search."""
    with tracer.start_as_current_span(
        f"retrieval {collection}",
        kind=SpanKind.CLIENT,
        attributes={
            "gen_ai.operation.name": "retrieval",
            "gen_ai.data_source.id": collection,
        },
    ):
        yield


def count(finished: "Finished", purpose: Purpose) -> None:
    TOKENS.labels("input", purpose).inc(finished.prompt_tokens)
    TOKENS.labels("output", purpose).inc(finished.completion_tokens)
    COST.labels(finished.cost.currency, purpose).inc(float(finished.cost.amount))
    if finished.broken_off:
        BROKEN_OFF.labels(finished.finish_reason, purpose).inc()
        return
    ANSWERS.labels(str(finished.refused).lower(), purpose).inc()
    if finished.time_to_first_token_s is not None:
        FIRST_TOKEN.labels(purpose).observe(finished.time_to_first_token_s)

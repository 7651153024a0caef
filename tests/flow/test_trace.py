"""One question, one trace: HTTP, gRPC, the engine, and every hop through Kafka."""

import gzip
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ..conftest import Stack, ask, indexed, put, route, until

PUMP = b"# Pump P7\n\nThe pump P7 has a warranty of 3 years.\n"
Span = tuple[str, str]  # service, name
WANTED = {  # with a part of the name
    ("gateway", "/v1/chat/completions"),
    ("inference", "InferenceService"),
    ("retrieval", "RetrievalService/Search"),
    ("inference", "chat "),
    ("evaluation", "answer-generated"),
    ("feedback", ""),
    ("gateway", "answer-scored"),
}


@pytest.fixture
def spans(stack: Stack) -> Iterator[dict[str, list[Span]]]:
    """Receive OTLP where the services of the test stack send it; by trace id."""
    found: dict[str, list[Span]] = {}

    class Receive(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            for group in ExportTraceServiceRequest.FromString(body).resource_spans:
                names = {a.key: a.value.string_value for a in group.resource.attributes}
                for scope in group.scope_spans:
                    for span in scope.spans:
                        row = (names["service.name"].removeprefix("gyre-"), span.name)
                        found.setdefault(span.trace_id.hex(), []).append(row)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet: a line an export is noise in a test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", stack.base + 90), Receive)
    Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


def test_one_trace_shows_http_grpc_kafka_and_the_engine(
    api: httpx.Client, collection: str, spans: dict[str, list[Span]]
) -> None:
    indexed(api, put(api, collection, "pump.md", PUMP)["id"])
    model = route(api, collection)
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    api.headers["traceparent"] = f"00-{trace_id}-b7ad6b7169203331-01"

    ask(api, model, "How long is the warranty of the pump P7?")

    def missing() -> set[tuple[str, str]]:
        rows = spans.get(trace_id, [])
        return {
            (service, part)
            for service, part in WANTED
            if not any(service == s and part in name for s, name in rows)
        }

    # A service exports its spans in batches: what is there says nothing of what is to come.
    until(lambda: not missing(), "every hop has its span")

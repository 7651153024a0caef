"""An engine and a search that are told what to say, and a stack of one service around them."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from grpc import aio

from gyre_events import ApiKeyChanged, Arm, Base, Passage, Policy, Prompt, RolloutChanged
from gyre_inference.access import Access
from gyre_inference.answering import Answerer
from gyre_inference.generation import Adapter, Piece, Sampling, TokenLogprob, Turn
from gyre_inference.pricing import Price, Prices, PriceTable
from gyre_inference.repeats import Answers
from gyre_inference.search import Asked
from gyre_inference.servicer import Servicer
from gyre_inference.settings import Settings
from gyre_rpc.inference.v1.inference_pb2_grpc import (
    InferenceServiceStub,
    add_InferenceServiceServicer_to_server,
)
from gyre_service.database import Sessions, open_database
from gyre_service.errors import ServiceError
from gyre_service.ids import now
from gyre_service.keys import key_hash, key_id
from gyre_service.rpc import ErrorStatus

from .openai_server import OpenAiServer, serving

DIGEST = "a" * 64
PEPPER = "pepper"
TOKEN = "between services"
PRICE = Price(input=Decimal("0.10"), cached_input=Decimal("0.01"), output=Decimal("0.40"))
TABLE = PriceTable(
    version="v1", valid_from=datetime(2026, 1, 1, tzinfo=UTC), currency="USD", default=PRICE
)
PRICES = Prices(tables=(TABLE,))


class FakeEngine:
    """Says what it is told, a word a piece; a word is a token."""

    provider = "fake"

    def __init__(self) -> None:
        self.max_model_len = 200
        self.not_ready = ""
        self.says = "Blue [1]"
        self.others: list[str] = []  # what further runs say; else the same
        self.finish_reason = "stop"
        self.fails: ServiceError | None = None
        self.go_on = asyncio.Event()  # pieces after the first one wait for it
        self.go_on.set()
        self.calls: list[dict[str, Any]] = []
        self.closed = asyncio.Event()

    def reason(self) -> str:
        return self.not_ready

    def render(self, turns: Sequence[Turn]) -> list[int]:
        return [0] * sum(self.count(turn.content) + 1 for turn in turns)

    def count(self, text: str) -> int:
        return len(text.split())

    async def generate(
        self,
        id: str,
        prompt: list[int],
        sampling: Sampling,
        adapter: Adapter | None,
        tenant: str,
    ) -> AsyncGenerator[Piece]:
        self.calls.append(
            {"prompt": prompt, "sampling": sampling, "adapter": adapter, "tenant": tenant}
        )
        self.closed.clear()
        said = [self.says, *self.others, *[self.says] * sampling.runs][: sampling.runs]
        words = [(run, word) for run, text in enumerate(said) for word in _words(text)]
        try:
            for number, (run, text) in enumerate(words):
                last = number == len(words) - 1 or words[number + 1][0] != run
                token = TokenLogprob(text.encode(), -0.5)
                top = (token,) * (sampling.top_logprobs or 0)
                found = () if sampling.top_logprobs is None else (replace(token, top=top),)
                yield Piece(text, 1, 3, self.finish_reason if last else None, run, found)
                await self.go_on.wait()
                if self.fails:
                    raise self.fails
        finally:
            self.closed.set()


def _words(text: str) -> list[str]:
    *words, last = text.split(" ")
    return [*(f"{word} " for word in words), last]


class FakeSearch:
    """Finds what it is told, and remembers who asked."""

    def __init__(self) -> None:
        self.finds: tuple[Passage, ...] = (passage("The sky is blue."),)
        self.fails: ServiceError | None = None
        self.searched: list[tuple[Asked, str, str, int]] = []
        self.observed: list[Asked] = []
        self.seen = asyncio.Event()

    async def search(
        self, asked: Asked, text: str, collection: str, limit: int
    ) -> tuple[Passage, ...]:
        self.searched.append((asked, text, collection, limit))
        if self.fails:
            raise self.fails
        return self.finds

    async def observe(self, asked: Asked) -> None:
        self.observed.append(asked)
        self.seen.set()


class FakeTable:
    """A compacted topic, without Kafka."""

    def __init__(self) -> None:
        self.events: dict[tuple[str, str], Any] = {}

    def put(self, tenant: str, event: Any) -> None:
        self.events[tenant, event.key.decode()] = event

    def get(self, tenant: str, key: str) -> Any:
        return self.events.get((tenant, key))

    def find(self, key: str) -> tuple[str, Any] | None:
        found = [(tenant, e) for (tenant, name), e in self.events.items() if name == key]
        return found[0] if found else None

    def rows(self) -> list[tuple[str, Any]]:
        return [(tenant, event) for (tenant, _), event in sorted(self.events.items())]


def passage(text: str, score: float = 0.9) -> Passage:
    return Passage(
        chunk_id=uuid4(),
        document_id=UUID(int=1),
        version=1,
        document="sky.md",
        page=None,
        text=text,
        score=score,
    )


def prompt(text: str = "Answer.") -> Prompt:
    return Prompt(digest=hashlib.sha256(text.encode()).hexdigest(), text=text)


def rollout(**changes: Any) -> RolloutChanged:
    fields: dict[str, Any] = {
        "route": "default",
        "revision": 3,
        "rollout_id": UUID(int=7),
        "collection": "default",
        "base": Base(name="tiny", digest=DIGEST),
        "policy": Policy(max_tokens=20),
        "arms": (Arm(name="production", share=10_000, prompt=prompt()),),
        "decided_at": now(),
    }
    return RolloutChanged(**fields | changes)


def api_key(key: str, **changes: Any) -> ApiKeyChanged:
    fields: dict[str, Any] = {
        "key_id": key_id(key, PEPPER),
        "revision": 1,
        "hash": key_hash(key, PEPPER),
        "scopes": ("ask",),
    }
    return ApiKeyChanged(**fields | changes)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def search() -> FakeSearch:
    return FakeSearch()


@pytest.fixture
def rollouts() -> FakeTable:
    table = FakeTable()
    table.put("default", rollout())
    return table


@pytest.fixture
def keys() -> FakeTable:
    table = FakeTable()
    table.put("acme", api_key("acme.1"))
    table.put("umbrella", api_key("umbrella.1", scopes=("ask", "operate")))
    return table


UNLOADED = "c" * 64  # the adapter that no test's engine has
REFUSED = "e" * 64  # the adapter that every test's engine refuses


class FakeAdapters:
    """Has every adapter but two, fetched to `/here`; who holds one is kept."""

    def __init__(self) -> None:
        self.held: Counter[str] = Counter()

    def has(self, digest: str | None) -> bool:
        return digest not in (UNLOADED, REFUSED)

    def refuses(self, digest: str | None) -> bool:
        return digest == REFUSED

    def local(self, adapter: Adapter) -> Adapter:
        return replace(adapter, path=f"/here/{adapter.digest}")

    @contextmanager
    def hold(self, adapter: Adapter | None) -> Iterator[None]:
        digest = adapter.digest if adapter else ""
        self.held[digest] += 1
        yield
        self.held[digest] -= 1


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    def make(**changes: Any) -> Settings:
        fields: dict[str, Any] = {
            "home": tmp_path,
            "model_name": "tiny",
            "model_path": tmp_path,
            "model_digest": DIGEST,
            "max_in_flight": 2,
        }
        return Settings(**fields | changes)

    return make


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings()


@pytest.fixture
async def sessions(settings: Settings) -> AsyncIterator[Sessions]:
    async with open_database(settings.database_url.get_secret_value()) as sessions:
        yield sessions


@pytest.fixture
def adapters() -> FakeAdapters:
    return FakeAdapters()


@pytest.fixture
async def stub(
    engine: FakeEngine,
    search: FakeSearch,
    rollouts: FakeTable,
    keys: FakeTable,
    settings: Settings,
    sessions: Sessions,
    adapters: FakeAdapters,
) -> AsyncIterator[Any]:
    """A client of the service over a real connection."""
    answers = Answers(sessions, settings)
    servicer = Servicer(
        settings,
        Access(keys, PEPPER, TOKEN),
        rollouts,
        Answerer(engine, search, settings, PRICES),
        answers,
        adapters,
    )
    server = aio.server(interceptors=[ErrorStatus()])
    add_InferenceServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield InferenceServiceStub(channel)
    await server.stop(grace=None)
    await answers.close()


@pytest.fixture
async def server() -> AsyncIterator[OpenAiServer]:
    made = OpenAiServer()
    made.go_on.set()
    async with serving(made):
        yield made

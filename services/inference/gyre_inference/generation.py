"""What the service wants of an engine, whichever it is."""

from collections.abc import AsyncGenerator, Sequence, Sized
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

Role = Literal["system", "user", "assistant"]
P = TypeVar("P", bound=Sized)  # a prompt as one engine takes it; its length is in tokens


@dataclass(frozen=True)
class Turn:
    """One message of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen. A temperature of 0 takes the likeliest one."""

    max_tokens: int
    temperature: float = 0
    top_p: float = 1
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float = 0
    frequency_penalty: float = 0
    n: int = 1
    top_logprobs: int | None = None  # beside each token; None: no log-probabilities at all
    json_schema: str = ""  # the answer is JSON that it allows

    @property
    def runs(self) -> int:
        """How often the engine has to answer: without chance all alternatives are the same."""
        return self.n if self.temperature else 1


@dataclass(frozen=True)
class Adapter:
    """A LoRA adapter on local disk; its name contains its digest, for caches know it by name."""

    name: str
    digest: str
    path: str


@dataclass(frozen=True)
class TokenLogprob:
    """A token's bytes (a part of a character, maybe), and its natural log-probability."""

    token: bytes
    logprob: float
    top: tuple["TokenLogprob", ...] = ()  # the likeliest in its place, likeliest first


@dataclass(frozen=True)
class Piece:
    """What the engine made of one run since the piece before."""

    text: str
    tokens: int  # completion tokens in this piece, or of the whole answer in the last one
    cached_tokens: int = 0  # prompt tokens that needed no work
    finish_reason: str | None = None  # of the last piece: stop or length
    run: int = 0
    logprobs: tuple[TokenLogprob, ...] = ()
    prompt_tokens: int = 0  # of the last piece, where only the engine can count them


class Engine(Protocol[P]):
    """Turns a prompt into an answer, piece by piece."""

    @property
    def provider(self) -> str:
        """Return the engine's kind, as OpenTelemetry's GenAI conventions name it."""
        ...

    @property
    def max_model_len(self) -> int: ...

    def reason(self) -> str:
        """Return why nothing can be generated now, or an empty string."""
        ...

    def render(self, turns: Sequence[Turn]) -> P:
        """Return the prompt of a conversation whose next turn is the model's."""
        ...

    def count(self, text: str) -> int:
        """Return how many tokens `text` has, or a little more than it may have."""
        ...

    def generate(
        self,
        id: str,
        prompt: P,
        sampling: Sampling,
        adapter: Adapter | None,
        tenant: str,
    ) -> AsyncGenerator[Piece]:
        """Answer. Closing the iterator, or cancelling who reads it, ends the engine's work.

        Raises:
            Rejected: The engine will never take this request.
            Unavailable: The engine is loading, away, or has died.
        """
        ...

"""Counts what one answer takes while it is made, so that it is known however the answer ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

from gyre_events import Passage
from gyre_inference.generation import Piece
from gyre_inference.pricing import Used


@dataclass
class Meter:
    """Of one answer. What the engine was not asked for stays zero."""

    prompt_tokens: int = 0  # given to the engine; what it counts itself counts
    cached_tokens: int = 0
    completion_tokens: int = 0
    engine_s: float = 0  # from the prompt given to the last piece taken
    first_s: float | None = None  # from the question to the first piece
    passages: tuple[Passage, ...] = ()  # that the model saw
    texts: tuple[str, ...] = ()  # that were shown, of each run
    published: bool = False
    no_context: bool = False  # search was away
    _begin: float = field(default_factory=perf_counter)
    _first_tokens: int = 0
    _last_s: float = 0

    @contextmanager
    def engine(self, prompt_tokens: int) -> Iterator[None]:
        """Note that the engine has the prompt, and how long it had it."""
        begin = perf_counter()
        self.prompt_tokens = prompt_tokens
        try:
            yield
        finally:
            # Microseconds, so that whoever computes the cost again has the very same number.
            self.engine_s = round(perf_counter() - begin, 6)

    def take(self, piece: Piece) -> None:
        """Count a piece of the engine's."""
        self._last_s = self.latency_s
        if self.first_s is None:
            # An engine that counts only at the end has made one at least.
            self.first_s, self._first_tokens = self._last_s, max(1, piece.tokens)
        self.completion_tokens += piece.tokens
        self.prompt_tokens = piece.prompt_tokens or self.prompt_tokens
        self.cached_tokens = max(self.cached_tokens, min(piece.cached_tokens, self.prompt_tokens))

    @property
    def used(self) -> Used:
        return Used(self.prompt_tokens, self.cached_tokens, self.completion_tokens, self.engine_s)

    @property
    def latency_s(self) -> float:
        """Return the seconds since the question."""
        return perf_counter() - self._begin

    @property
    def time_per_output_token_s(self) -> float | None:
        """Return the mean seconds of a token after the first ones, or None if there are none."""
        later = self.completion_tokens - self._first_tokens
        if self.first_s is None or later <= 0:
            return None
        return (self._last_s - self.first_s) / later

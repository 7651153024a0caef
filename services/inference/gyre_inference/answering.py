"""From a question to its answer: find, prompt, generate, check."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from enum import Enum
from time import perf_counter
from typing import TypeAlias
from uuid import UUID

from gyre_events import Arm, Passage, Purpose, RolloutChanged
from gyre_inference import prompting, signals
from gyre_inference.alternatives import Alternatives, Choice, Delta
from gyre_inference.citations import cited
from gyre_inference.generation import Adapter, Engine, Sampling, Turn
from gyre_inference.search import Asked, Search
from gyre_inference.settings import Settings
from gyre_inference.structured import texts_in
from gyre_service.errors import Overloaded, ServiceError, Unavailable

log = logging.getLogger(__name__)


class Mode(Enum):
    """Where the passages come from."""

    SEARCH = "search"
    GIVEN = "given"
    OFF = "off"


@dataclass(frozen=True)
class Question:
    """Everything that decides what the answer is."""

    answer_id: UUID
    conversation_id: UUID
    tenant: str
    purpose: Purpose
    person: str | None
    rollout: RolloutChanged
    arm: Arm
    adapter: Adapter | None
    turns: tuple[Turn, ...]
    sampling: Sampling
    mode: Mode = Mode.SEARCH
    evidence: tuple[Passage, ...] = ()

    @property
    def text(self) -> str:
        return self.turns[-1].content

    @property
    def model(self) -> str:
        return self.adapter.name if self.adapter else self.rollout.base.name


@dataclass(frozen=True)
class Started:
    """The answer will be made of these passages, numbered from 1."""

    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class Finished:
    """The whole answer: the first of its alternatives, and what all of them took."""

    choices: tuple[Choice, ...]
    cited: tuple[int, ...]
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    engine_s: float
    time_to_first_token_s: float
    latency_s: float
    cost_usd: float

    @property
    def answer(self) -> str:
        return self.choices[0].answer

    @property
    def finish_reason(self) -> str:
        return self.choices[0].finish_reason

    @property
    def refused(self) -> bool:
        return self.choices[0].refused


Part: TypeAlias = Started | Delta | Finished


@dataclass
class _Timing:
    begin: float = field(default_factory=perf_counter)
    engine_s: float = 0
    first_s: float = 0


class Answerer:
    """Answers questions, so many at once.

    Args:
        engine: Generates.
        search: Finds passages.
        settings: `max_in_flight` and `max_prompt_tokens` of them.
    """

    def __init__(self, engine: Engine, search: Search, settings: Settings) -> None:
        self._engine = engine
        self._search = search
        self._max_in_flight = settings.max_in_flight
        self._max_prompt_tokens = settings.max_prompt_tokens
        self._in_flight = 0
        self._background: set[asyncio.Task[None]] = set()

    @property
    def max_model_len(self) -> int:
        return self._engine.max_model_len

    async def answer(self, question: Question) -> AsyncGenerator[Part]:
        """Yield Started, the text of each alternative as it comes, and Finished.

        Closing the iterator stops all work.

        Raises:
            Overloaded: Too many questions are being answered.
            Unavailable: The engine is loading or has died.
            Rejected: The question is too long.
        """
        if reason := self._engine.reason():
            raise Unavailable(f"not ready: {reason}")
        if self._in_flight >= self._max_in_flight:
            raise Overloaded(
                f"{self._in_flight} questions are being answered, at most "
                f"{self._max_in_flight} at once: try again later"
            )
        self._in_flight += 1
        signals.IN_FLIGHT.set(self._in_flight)
        try:
            async with aclosing(self._parts(question)) as parts:
                async for part in parts:
                    yield part
        finally:
            self._in_flight -= 1
            signals.IN_FLIGHT.set(self._in_flight)

    async def _parts(self, question: Question) -> AsyncGenerator[Part]:
        timing, alternatives = _Timing(), Alternatives(question.sampling)
        passages = await self._passages(question)
        if question.mode is not Mode.OFF and not passages:
            yield Started(())
            for delta in alternatives.decline():
                yield delta
            yield self._finished(question, timing, alternatives, 0, prompt=question.text)
            return
        limit = self._engine.max_model_len - question.sampling.max_tokens
        prompt = prompting.fit(
            question.arm.prompt.text,
            question.turns,
            passages,
            min(limit, self._max_prompt_tokens),
            self._engine.render,
        )
        yield Started(prompt.passages)
        cached = 0
        with signals.chat(question, len(prompt.tokens)) as chat:
            begin = perf_counter()
            pieces = self._engine.generate(
                str(question.answer_id),
                prompt.tokens,
                question.sampling,
                question.adapter,
                question.tenant,
            )
            async with aclosing(pieces):
                async for piece in pieces:
                    if not alternatives.generated:
                        timing.first_s = perf_counter() - timing.begin
                    cached = max(cached, piece.cached_tokens)
                    for delta in alternatives.push(piece):
                        yield delta
            timing.engine_s = perf_counter() - begin
            chat.finish(alternatives.generated, cached, alternatives.reasons, timing.first_s)
        for delta in alternatives.decline():
            yield delta
        yield self._finished(
            question,
            timing,
            alternatives,
            len(prompt.passages),
            prompt=prompt.tokens,
            cached=cached,
        )

    async def _passages(self, question: Question) -> tuple[Passage, ...]:
        rollout, policy = question.rollout, question.rollout.policy
        asked = Asked(
            question.answer_id,
            rollout.route,
            question.person,
            question.text,
            question.tenant,
            question.purpose,
        )
        if question.mode is not Mode.SEARCH:
            if question.purpose is Purpose.LIVE:
                self._observe_later(asked)
            return question.evidence
        text = prompting.search_text(question.turns)
        with signals.retrieval(rollout.collection):
            try:
                found = await self._search.search(asked, text, rollout.collection, policy.passages)
            except Unavailable as error:  # an answer without evidence is "I don't know."
                log.warning("no context: %s", error)
                signals.NO_CONTEXT.inc()
                return ()
        return prompting.worth_showing(found, policy.min_score)

    def _observe_later(self, asked: Asked) -> None:
        async def observe() -> None:
            try:
                await self._search.observe(asked)
            except ServiceError as error:
                log.warning("question %s was not observed: %s", asked.answer_id, error)

        task = asyncio.create_task(observe())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _finished(
        self,
        question: Question,
        timing: _Timing,
        alternatives: Alternatives,
        passages: int,
        *,
        prompt: str | list[int],
        cached: int = 0,
    ) -> Finished:
        prompt_tokens = self._engine.count(prompt) if isinstance(prompt, str) else len(prompt)
        tokens = alternatives.tokens(self._engine.count)
        choices = alternatives.choices()
        # Numbers in brackets are a list of numbers in JSON; in its texts they are citations.
        said = texts_in(choices[0].answer) if question.sampling.json_schema else choices[0].answer
        latency_s = perf_counter() - timing.begin
        finished = Finished(
            choices=choices,
            cited=cited(said, passages),
            prompt_tokens=prompt_tokens,
            completion_tokens=tokens,
            cached_tokens=cached,
            engine_s=timing.engine_s,
            time_to_first_token_s=timing.first_s or latency_s,
            latency_s=latency_s,
            cost_usd=(prompt_tokens + tokens)
            / 1000
            * question.rollout.policy.cost_usd_per_1k_tokens,
        )
        signals.count(
            finished.prompt_tokens, tokens, finished.refused, finished.time_to_first_token_s
        )
        return finished

"""From a question to its answer: find, prompt, generate, check."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias
from uuid import UUID

from gyre_events import Arm, Passage, Purpose, RolloutChanged
from gyre_inference import prompting, signals
from gyre_inference.alternatives import Alternatives, Choice, Delta, broken_off
from gyre_inference.citations import cited
from gyre_inference.generation import Adapter, Engine, Sampling, Turn
from gyre_inference.metering import Meter
from gyre_inference.pricing import Cost, Prices
from gyre_inference.search import Asked, Search
from gyre_inference.settings import Settings
from gyre_inference.structured import texts_in
from gyre_service.errors import Overloaded, ServiceError, Unavailable
from gyre_service.ids import now

log = logging.getLogger(__name__)

BROKEN_OFF = ("cancelled", "failed")
LOADING_S = 5.0  # that who asks may wait before it asks again: loading takes longer


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
    alone: bool = False  # its text is all that was asked, sampled as the route says

    @property
    def text(self) -> str:
        return self.turns[-1].content

    @property
    def plain(self) -> bool:
        """Whether the model reads the question as a training would show it."""
        return len(self.turns) == 1 and not self.sampling.json_schema

    @property
    def model(self) -> str:
        """What people are told that answers; no engine knows it by this name."""
        if self.adapter is None:
            return self.rollout.base.name
        return f"{self.rollout.route}--{self.adapter.digest[:8]}"


@dataclass(frozen=True)
class Started:
    """The answer will be made of these passages, numbered from 1."""

    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class Finished:
    """The first of the alternatives, and what all took; nobody is shown one that broke off."""

    choices: tuple[Choice, ...]
    cited: tuple[int, ...]
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    engine_s: float
    time_to_first_token_s: float | None  # of any text; None: it broke off before
    time_per_output_token_s: float | None
    latency_s: float
    cost: Cost
    no_context: bool

    @property
    def broken_off(self) -> bool:
        return self.finish_reason in BROKEN_OFF

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


class Answerer:
    """Answers questions, so many at once.

    Args:
        engine: Generates.
        search: Finds passages.
        settings: `max_in_flight` and `max_prompt_tokens` of them.
        prices: What answers cost.
    """

    def __init__(
        self, engine: Engine[Any], search: Search, settings: Settings, prices: Prices
    ) -> None:
        self._engine = engine
        self._search = search
        self._prices = prices
        self._max_in_flight = settings.max_in_flight
        self._max_prompt_tokens = settings.max_prompt_tokens
        self._in_flight = 0
        self._background: set[asyncio.Task[None]] = set()

    @property
    def max_model_len(self) -> int:
        return self._engine.max_model_len

    def check(self) -> None:
        """Let a question pass.

        Raises:
            Unavailable: The engine is loading or has died.
        """
        if reason := self._engine.reason():
            raise Unavailable(f"not ready: {reason}", after_s=LOADING_S)

    async def answer(self, question: Question, meter: Meter | None = None) -> AsyncGenerator[Part]:
        """Yield Started, the text of each alternative as it comes, and Finished.

        Closing the iterator stops all work.

        Args:
            question: What is asked.
            meter: Counts, for who wants to know what was made if the answer breaks off.

        Raises:
            Overloaded: Too many questions are being answered.
            Unavailable: As of `check`.
            Rejected: The question is too long.
        """
        self.check()
        if self._in_flight >= self._max_in_flight:
            raise Overloaded(
                f"{self._in_flight} questions are being answered, at most "
                f"{self._max_in_flight} at once: try again later"
            )
        self._in_flight += 1
        signals.IN_FLIGHT.set(self._in_flight)
        try:
            async with aclosing(self._parts(question, meter or Meter())) as parts:
                async for part in parts:
                    yield part
        finally:
            self._in_flight -= 1
            signals.IN_FLIGHT.set(self._in_flight)

    async def _parts(self, question: Question, meter: Meter) -> AsyncGenerator[Part]:
        alternatives = Alternatives(question.sampling)
        passages = await self._passages(question, meter)
        if question.mode is not Mode.OFF and not passages:
            yield Started(())
            for delta in alternatives.decline():
                yield delta
            yield self._finished(question, meter, alternatives.choices())
            return
        limit = self._engine.max_model_len - question.sampling.max_tokens
        prompt = await asyncio.to_thread(
            prompting.fit,
            question.arm.prompt.text,
            question.turns,
            passages,
            min(limit, self._max_prompt_tokens),
            self._engine.render,
        )
        meter.passages = prompt.passages
        yield Started(prompt.passages)
        size = len(prompt.tokens)
        with signals.chat(question, self._engine.provider) as chat, meter.engine(size):
            pieces = self._engine.generate(
                str(question.answer_id),
                prompt.tokens,
                question.sampling,
                question.adapter,
                question.tenant,
            )
            async with aclosing(pieces):
                async for piece in pieces:
                    meter.take(piece)
                    deltas = alternatives.push(piece)
                    meter.texts = alternatives.texts
                    for delta in deltas:
                        yield delta
            self._count_missed(meter)
            chat.finish(meter, alternatives.reasons)
        for delta in alternatives.decline():
            yield delta
        yield self._finished(question, meter, alternatives.choices())

    def broken_off(self, question: Question, meter: Meter, reason: str) -> Finished:
        """Return what was made of an answer that broke off: `cancelled` or `failed`."""
        self._count_missed(meter)
        choices = broken_off(meter.texts, question.sampling, reason)
        return self._finished(question, meter, choices)

    def _count_missed(self, meter: Meter) -> None:
        """Estimate what the engine has made and not counted: an endpoint counts at the end."""
        if not meter.completion_tokens:
            meter.completion_tokens = sum(self._engine.count(text) for text in meter.texts if text)

    async def _passages(self, question: Question, meter: Meter) -> tuple[Passage, ...]:
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
        try:
            with signals.retrieval(rollout.collection):
                found = await self._search.search(asked, text, rollout.collection, policy.passages)
        except Unavailable as error:  # an answer without evidence is "I don't know."
            log.warning("no context: %s", error)
            signals.NO_CONTEXT.labels(question.purpose).inc()
            meter.no_context = True
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

    def _finished(self, question: Question, meter: Meter, choices: tuple[Choice, ...]) -> Finished:
        rollout, used, latency_s = question.rollout, meter.used, meter.latency_s
        whole = choices[0].finish_reason not in BROKEN_OFF
        # Numbers in brackets are a list of numbers in JSON; in its texts they are citations.
        said = texts_in(choices[0].answer) if question.sampling.json_schema else choices[0].answer
        finished = Finished(
            choices=choices,
            cited=cited(said, len(meter.passages)),
            prompt_tokens=used.prompt_tokens,
            completion_tokens=used.completion_tokens,
            cached_tokens=used.cached_tokens,
            engine_s=used.engine_s,
            time_to_first_token_s=latency_s if whole and meter.first_s is None else meter.first_s,
            time_per_output_token_s=meter.time_per_output_token_s,
            latency_s=latency_s,
            cost=self._prices.cost(
                used, rollout.base.name, now(), rollout.policy.cost_usd_per_1k_tokens
            ),
            no_context=meter.no_context,
        )
        signals.count(finished, question.purpose)
        return finished

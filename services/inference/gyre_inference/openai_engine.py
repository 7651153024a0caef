"""An engine that is an OpenAI-compatible endpoint: NIM, TensorRT-LLM, Ollama, a remote vLLM."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import NoReturn

from gyre_inference.estimating import prompt_tokens_of, tokens_of
from gyre_inference.generation import Adapter, Piece, Sampling, Turn
from gyre_inference.openai_adapters import EndpointAdapters
from gyre_inference.openai_choices import Choices
from gyre_inference.openai_request import body_of
from gyre_inference.openai_wire import Away, Card, Endpoint
from gyre_inference.settings import Settings
from gyre_service.errors import Overloaded, ServiceError, Unavailable

log = logging.getLogger(__name__)

VLLM = "vllm"  # what it says owns its models
PROBE = (Turn("user", "Say yes."),)


@dataclass(frozen=True)
class Messages:
    """A prompt whose tokens only the endpoint knows; its length is an estimate."""

    turns: tuple[Turn, ...]

    def __len__(self) -> int:
        return prompt_tokens_of(self.turns)


class OpenAiEngine:
    """An engine that is ready while its endpoint answers.

    Args:
        settings: Of the service.
        lost: Called once with the reason when nobody looks at the endpoint any more.
    """

    provider = "openai"

    def __init__(self, settings: Settings, lost: Callable[[str], None]) -> None:
        self._settings = settings
        self._lost = lost
        self._reason = "the endpoint has not answered yet"
        self._model = settings.openai_model
        self._card = Card(id=self._model)
        # It may list its models and yet hang: it has to say one token at the start, and again
        # after an answer that failed.
        self._in_doubt = True
        self._look_now = asyncio.Event()
        self.loaded = asyncio.Event()
        self._endpoint = Endpoint(
            settings.openai_base_url,
            settings.openai_api_key.get_secret_value(),
            settings.openai_silence_s,
            settings.max_in_flight,
        )
        self._adapters = EndpointAdapters(settings, self._endpoint)

    @property
    def max_model_len(self) -> int:
        return min(self._settings.max_model_len, self._card.max_model_len or 1 << 62)

    def reason(self) -> str:
        return self._reason

    async def forked(self) -> None:
        """Nothing is forked."""

    async def run(self) -> NoReturn:
        """Look at the endpoint every few seconds until this is cancelled."""
        log.info("asking %s for %s", self._settings.openai_base_url, self._model)
        try:
            while True:
                self._look_now.clear()
                reason = await self._look()
                if reason != self._reason:
                    log.info("the endpoint: %s", reason or "ready")
                self._reason = reason
                if not reason:
                    self.loaded.set()
                await self._pause()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # whatever it is: nobody else would notice
            self._reason = f"nobody looks at the endpoint any more: {error!r}"
            self._lost(self._reason)
            raise

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.openai_probe_s):
                await self._look_now.wait()

    async def stop(self) -> None:
        self._reason = "stopping"
        await self._endpoint.close()

    async def _look(self) -> str:
        """Return why the endpoint cannot answer now, or an empty string."""
        try:
            listed = await self._endpoint.models()
            if self._model not in listed:
                there = ", ".join(sorted(listed)[:10]) or "none"
                return f"the endpoint has no model {self._model!r}, it has {there}"
            self._card = listed[self._model]
            if self._in_doubt:
                async with aclosing(self._said(PROBE, Sampling(max_tokens=1), None, "")) as said:
                    async for _ in said:
                        pass
                self._in_doubt = False
            await self._adapters.keep(listed)
        except ServiceError as error:
            return str(error)
        return ""

    def render(self, turns: Sequence[Turn]) -> Messages:
        return Messages(tuple(turns))

    def count(self, text: str) -> int:
        return tokens_of(text)

    async def generate(
        self,
        id: str,
        prompt: Messages,
        sampling: Sampling,
        adapter: Adapter | None,
        tenant: str,
    ) -> AsyncGenerator[Piece]:
        self._check()
        sign = time.monotonic()
        try:
            async with aclosing(self._said(prompt.turns, sampling, adapter, tenant)) as pieces:
                async for piece in pieces:
                    yield piece
                    sign = time.monotonic()
        except Overloaded:  # it answers
            raise
        except Away as error:  # nobody else has to wait as long to learn it
            self._reason = str(error)
            self._doubt()
            raise
        except Unavailable:
            self._doubt()
            raise
        finally:
            if time.monotonic() - sign > self._settings.hang_s:  # and the caller gave up
                self._doubt()

    def _doubt(self) -> None:
        self._in_doubt = True
        self._look_now.set()

    async def _said(
        self,
        turns: Sequence[Turn],
        sampling: Sampling,
        adapter: Adapter | None,
        tenant: str,
    ) -> AsyncGenerator[Piece]:
        body = body_of(self._adapters.model(adapter), turns, sampling)
        if self._card.owned_by == VLLM and tenant:
            # It keeps one tenant from timing what another one has in the prefix cache.
            body["cache_salt"] = tenant
        choices = Choices(sampling)
        async with aclosing(self._endpoint.chat(body)) as chunks:
            async for chunk in chunks:
                for piece in choices.take(chunk):
                    yield piece
        for piece in choices.end():
            yield piece

    async def load(self, adapter: Adapter) -> None:
        """Have an adapter at the endpoint, and prove that it changes what the model says.

        Raises:
            Rejected: The endpoint has no adapters, does not take this one, or answers as if it
                were not there.
            Unavailable: It is not ready, is away, takes too long, or does not have it yet.
        """
        self._check()
        await self._adapters.load(adapter)

    async def unload(self, adapter: Adapter) -> None:
        self._check()
        await self._adapters.unload(adapter)

    def _check(self) -> None:
        if self._reason:
            raise Unavailable(f"not ready: {self._reason}")

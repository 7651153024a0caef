"""vLLM, in a child process of this one: what is asked of it. `launching.py` starts it."""

import asyncio
import logging
import os
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import Future
from contextlib import aclosing, suppress
from typing import Any
from uuid import uuid4

from gyre_inference.generation import Adapter, Piece, Sampling, Turn
from gyre_inference.launching import Launched, launch
from gyre_inference.logprobs import logprobs_of
from gyre_inference.proving import prove
from gyre_inference.settings import Settings
from gyre_inference.watching import Watch
from gyre_service.errors import Rejected, Unavailable

log = logging.getLogger(__name__)

MAX_SEED = (1 << 63) - 1
PROBE = "[1] The lamp is blue.\n\nQuestion: Which colour is the lamp?"
PROBED = 5  # tokens that are compared
UNAVAILABLE = (Unavailable, asyncio.CancelledError)


class VllmEngine:
    """An engine that loads while everything else starts, and whose end is noticed.

    Args:
        settings: Of the service.
        lost: Called once with the reason when the engine has died, hangs or cannot start.
    """

    provider = "vllm"

    def __init__(self, settings: Settings, lost: Callable[[str], None]) -> None:
        self._settings = settings
        self._watch = Watch(settings.hang_s, settings.probe_s, lost)
        self.loaded = asyncio.Event()
        self._forked = asyncio.Event()
        self._launched: Launched | None = None
        self._adapter_ids: dict[str, int] = {}
        self._over = threading.Event()

    @property
    def max_model_len(self) -> int:
        return self._launched.max_model_len if self._launched else self._settings.max_model_len

    def reason(self) -> str:
        return self._watch.reason

    async def forked(self) -> None:
        """Wait until the engine is a process of its own, or has not become one."""
        await self._forked.wait()

    async def run(self) -> None:
        """Load the model, then watch over the engine until it is lost or this is cancelled."""
        begin = time.monotonic()
        doing = "did not start"
        try:
            launched = self._launched = await self._load_in_a_thread()
            doing = "is not watched any more"
            self._watch.begin()
            self.loaded.set()
            log.info("the engine is ready after %.1f s", time.monotonic() - begin)
            await self._watch.over(launched, self.probe)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # whatever it is: nobody else would notice
            self._watch.lose(f"the engine {doing}: {error}")
            raise

    async def stop(self) -> None:
        self._watch.reason = self._watch.reason or "stopping"
        if self._launched is not None:
            await asyncio.to_thread(self._launched.llm.shutdown)
        self._over.set()

    def render(self, turns: Sequence[Turn]) -> list[int]:
        return self._ready().tokens.render(turns)

    def count(self, text: str) -> int:
        return self._ready().tokens.count(text)

    async def generate(
        self,
        id: str,
        prompt: list[int],
        sampling: Sampling,
        adapter: Adapter | None,
        tenant: str,
    ) -> AsyncGenerator[Piece]:
        llm = self._ready().llm
        from vllm.exceptions import VLLMClientError
        from vllm.inputs.engine import tokens_input
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        try:
            # The salt keeps one tenant from timing what another one has in the prefix cache.
            outputs = llm.generate(
                tokens_input(prompt, cache_salt=tenant),
                _params(sampling),
                id,
                lora_request=self._lora(adapter),
            )
            async with aclosing(self._watch.until_lost(outputs)) as watched:
                async for output in watched:
                    for made in output.outputs:
                        yield self._piece(made, output, sampling)
        except EngineDeadError as error:
            raise Unavailable("the engine has died: try again in a minute") from error
        except (VLLMClientError, ValueError) as error:
            param = getattr(error, "parameter", None)
            if param is None and sampling.json_schema:  # what can be wrong about the rest names it
                param = "json_schema"
            raise Rejected(f"the engine refuses this: {error}", param=param) from error
        except EngineGenerateError as error:
            raise Unavailable(f"the engine failed: {error.__cause__}") from error

    def _piece(self, made: Any, output: Any, sampling: Sampling) -> Piece:
        if made.finish_reason == "error":
            raise Unavailable("the engine failed on this request: see its log")
        return Piece(
            text=made.text,
            tokens=len(made.token_ids),
            cached_tokens=output.num_cached_tokens or 0,
            finish_reason=made.finish_reason,
            run=made.index,
            logprobs=logprobs_of(made, sampling.top_logprobs, self._ready().tokens.bytes_of),
        )

    async def load(self, adapter: Adapter) -> None:
        """Load an adapter from local disk, and prove that it changes what the model says.

        Raises:
            Rejected: The engine does not take it, or answers as if it were not there.
            Unavailable: The engine is not ready, has died, or takes too long.
        """
        launched = self._ready()
        seconds = self._settings.adapter_timeout_s
        try:
            async with asyncio.timeout(seconds):
                await self._load_and_prove(launched.llm, adapter)
        except UNAVAILABLE:
            raise
        except TimeoutError as error:
            raise Unavailable(f"the engine did not load the adapter in {seconds:g} s") from error
        except Exception as error:  # whatever vLLM makes of a folder that is none
            self._ready()
            if (
                not launched.lives()
            ):  # the watch has not seen it yet; it says nothing of the adapter
                raise Unavailable("the engine has died: try again in a minute") from error
            await self.unload(adapter)  # or it stays, and nobody counts it
            if isinstance(error, Rejected):
                raise
            raise Rejected(f"the engine refuses the adapter: {error}") from error

    async def _load_and_prove(self, llm: Any, adapter: Adapter) -> None:
        with self._watch.undisturbed():
            taken = await self._watch.or_lost(llm.add_lora(self._lora(adapter)))
        if not taken:
            raise Rejected("the engine refuses the adapter")
        with self._watch.at_work():
            await prove(self._probe, adapter)

    async def unload(self, adapter: Adapter) -> None:
        llm = self._ready().llm
        await self._watch.or_lost(llm.remove_lora(self._adapter_ids[adapter.digest]))

    async def probe(self) -> None:
        """Let the engine make one token of next to nothing."""
        await self._one_token(self.render([Turn("user", "?")])[:1], None, None)

    async def _probe(self, adapter: Adapter | None) -> dict[int, float]:
        """Return the likeliest next tokens of a fixed prompt, with their log-probabilities."""
        made = await self._one_token(self.render([Turn("user", PROBE)]), PROBED, adapter)
        [found] = made.outputs[0].logprobs
        return {token: float(one.logprob) for token, one in found.items()}

    async def _one_token(
        self, prompt: list[int], logprobs: int | None, adapter: Adapter | None
    ) -> Any:
        from vllm import SamplingParams
        from vllm.inputs.engine import tokens_input

        sampling = SamplingParams(max_tokens=1, temperature=0, logprobs=logprobs)
        name = f"probe-{uuid4()}"
        # A salt of its own: nothing of it is in the prefix cache of a tenant, or comes from it.
        outputs = self._ready().llm.generate(
            tokens_input(prompt, cache_salt=name), sampling, name, lora_request=self._lora(adapter)
        )
        last: Any = None
        async for output in self._watch.until_lost(outputs):
            last = output
        return last

    def _ready(self) -> Launched:
        self._watch.check()
        assert self._launched is not None
        return self._launched

    def _lora(self, adapter: Adapter | None) -> Any:
        if adapter is None:
            return None
        from vllm.lora.request import LoRARequest

        # vLLM knows adapters by number: one number, one digest, for the life of the process.
        number = self._adapter_ids.setdefault(adapter.digest, len(self._adapter_ids) + 1)
        return LoRARequest(adapter.name, number, adapter.path)

    def _load_in_a_thread(self) -> asyncio.Future[Launched]:
        """Start vLLM beside everything else: it imports and waits for most of a minute.

        The engine's process ends with the thread that made it, so the thread stays; and a
        stop while it loads does not wait for it.
        """
        loaded: Future[Launched] = Future()
        loop = asyncio.get_running_loop()

        def forked() -> None:
            with suppress(RuntimeError):  # this loop is closed: another engine was forked
                loop.call_soon_threadsafe(self._forked.set)

        os.register_at_fork(after_in_parent=forked)

        def live() -> None:
            try:
                loaded.set_result(launch(self._settings, self._watch.step))
            except BaseException as error:
                loaded.set_exception(error)
            forked()
            self._over.wait()

        threading.Thread(target=live, name="engine-parent", daemon=True).start()
        return asyncio.wrap_future(loaded)


def _params(sampling: Sampling) -> Any:
    """Return vLLM's parameters.

    Raises:
        VLLMValidationError: It has no such sampling.
    """
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

    schema = sampling.json_schema
    return SamplingParams(
        n=sampling.runs,
        max_tokens=sampling.max_tokens,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        stop=list(sampling.stop) or None,
        # vLLM takes -1 for none, and each run its number more.
        seed=None if sampling.seed is None else sampling.seed & MAX_SEED,
        presence_penalty=sampling.presence_penalty,
        frequency_penalty=sampling.frequency_penalty,
        logprobs=sampling.top_logprobs,
        structured_outputs=StructuredOutputsParams(json=schema) if schema else None,
        output_kind=RequestOutputKind.DELTA,
    )

"""vLLM, in a child process of this one. No other module knows it."""

import asyncio
import json
import logging
import os
import signal
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import aclosing, contextmanager
from functools import partial
from math import isfinite
from typing import Any, TypeVar
from uuid import uuid4

from gyre_inference.generation import Adapter, Piece, Sampling, Turn
from gyre_inference.logprobs import logprobs_of
from gyre_inference.parentage import end_with_parent, let_go_of_sockets
from gyre_inference.settings import Settings
from gyre_inference.tokens import Tokens
from gyre_service.errors import Rejected, Unavailable
from gyre_service.processor import best_dtype, processor_flags

log = logging.getLogger(__name__)

T = TypeVar("T")
LOOK_S = 0.5  # between two looks at the engine's health
MIB = 1 << 20
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
        self._lost = lost
        self._reason = "loading the model"
        self.loaded = asyncio.Event()
        self._llm: Any = None
        self._tokens: Tokens | None = None
        self._adapter_ids: dict[str, int] = {}
        self._working = 0  # requests given to vLLM and not finished
        self._last_step = time.monotonic()
        self._max_model_len = settings.max_model_len
        self._over = threading.Event()

    @property
    def max_model_len(self) -> int:
        return self._max_model_len

    def reason(self) -> str:
        return self._reason

    async def run(self) -> None:
        """Load the model, then watch over the engine until it is lost or this is cancelled."""
        begin = time.monotonic()
        try:
            self._llm = await self._load_in_a_thread()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # whatever it is: nobody else would notice
            self._lose(f"the engine did not start: {error}")
            raise
        self._reason = ""
        self.loaded.set()
        log.info("the engine is ready after %.1f s", time.monotonic() - begin)
        while not self._reason:
            await asyncio.sleep(LOOK_S)
            if self._llm.errored:
                self._lose("the engine has died")
            elif self._working and time.monotonic() - self._last_step > self._settings.hang_s:
                self._kill()
                self._lose(f"the engine hung: no step in {self._settings.hang_s:g} s")

    async def stop(self) -> None:
        self._reason = self._reason or "stopping"
        if self._llm is not None:
            await asyncio.to_thread(self._llm.shutdown)
        self._over.set()

    def render(self, turns: Sequence[Turn]) -> list[int]:
        return self._ready_tokens().render(turns)

    def count(self, text: str) -> int:
        return self._ready_tokens().count(text)

    async def generate(
        self,
        id: str,
        prompt: list[int],
        sampling: Sampling,
        adapter: Adapter | None,
        tenant: str,
    ) -> AsyncGenerator[Piece]:
        self._check()
        from vllm.exceptions import VLLMClientError
        from vllm.inputs.engine import tokens_input
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        try:
            # The salt keeps one tenant from timing what another one has in the prefix cache.
            outputs = self._llm.generate(
                tokens_input(prompt, cache_salt=tenant),
                _params(sampling),
                id,
                lora_request=self._lora(adapter),
            )
            with self._at_work():
                async with aclosing(outputs):
                    async for output in outputs:
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
            logprobs=logprobs_of(made, sampling.top_logprobs, self._ready_tokens().bytes_of),
        )

    async def load(self, adapter: Adapter) -> None:
        """Load an adapter from local disk, and prove that it changes what the model says.

        Raises:
            Rejected: The engine does not take it, or answers as if it were not there.
            Unavailable: The engine is not ready, has died, or takes too long.
        """
        self._check()
        seconds = self._settings.adapter_timeout_s
        try:
            async with asyncio.timeout(seconds):
                taken = await self._llm.add_lora(self._lora(adapter))
                with self._at_work():
                    without, with_it = await self._probe(None), await self._probe(adapter)
        except UNAVAILABLE:
            raise
        except TimeoutError as error:
            raise Unavailable(f"the engine did not load the adapter in {seconds:g} s") from error
        except Exception as error:  # whatever vLLM makes of a folder that is none
            self._check()
            if self._llm.errored:  # `run` has not seen it yet; it says nothing of the adapter
                raise Unavailable("the engine has died: try again in a minute") from error
            raise Rejected(f"the engine refuses the adapter: {error}") from error
        if not taken:
            raise Rejected("the engine refuses the adapter")
        if not all(isfinite(value) for value in with_it.values()):
            await self.unload(adapter)
            raise Rejected("the adapter's answers are not finite")
        if with_it == without:  # it can be ignored in silence
            await self.unload(adapter)
            raise Rejected("the adapter changes nothing: its probe is the base's")

    async def unload(self, adapter: Adapter) -> None:
        self._check()
        await self._llm.remove_lora(self._adapter_ids[adapter.digest])

    async def _probe(self, adapter: Adapter | None) -> dict[int, float]:
        """Return the likeliest next tokens of a fixed prompt, with their log-probabilities."""
        from vllm import SamplingParams
        from vllm.inputs.engine import tokens_input

        prompt = self.render([Turn("user", PROBE)])
        sampling = SamplingParams(max_tokens=1, temperature=0, logprobs=PROBED)
        name = f"probe-{uuid4()}"
        last: Any = None
        # A salt of its own: nothing of it is in the prefix cache of a tenant, or comes from it.
        async for output in self._llm.generate(
            tokens_input(prompt, cache_salt=name), sampling, name, lora_request=self._lora(adapter)
        ):
            last = output
        [found] = last.outputs[0].logprobs
        return {token: float(one.logprob) for token, one in found.items()}

    def _ready_tokens(self) -> Tokens:
        self._check()
        assert self._tokens is not None
        return self._tokens

    def _check(self) -> None:
        if self._reason:
            raise Unavailable(f"not ready: {self._reason}")

    def _lora(self, adapter: Adapter | None) -> Any:
        if adapter is None:
            return None
        from vllm.lora.request import LoRARequest

        # vLLM knows adapters by number: one number, one digest, for the life of the process.
        number = self._adapter_ids.setdefault(adapter.digest, len(self._adapter_ids) + 1)
        return LoRARequest(adapter.name, number, adapter.path)

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        """Let `run` see to it that steps end while something is inside."""
        if not self._working:
            self._last_step = time.monotonic()
        self._working += 1
        try:
            yield
        finally:
            self._working -= 1

    def _step(self) -> None:
        self._last_step = time.monotonic()

    def _lose(self, reason: str) -> None:
        self._reason = reason
        self._lost(reason)

    def _kill(self) -> None:
        for child in self._llm.engine_core.resources.engine_manager.processes:
            if child.pid is not None:
                os.kill(child.pid, signal.SIGKILL)

    def _load_in_a_thread(self) -> asyncio.Future[Any]:
        """Start vLLM beside everything else: it imports and waits for most of a minute.

        The engine's process ends with the thread that made it, so the thread stays; and a
        stop while it loads does not wait for it.
        """
        loaded: Future[Any] = Future()

        def live() -> None:
            try:
                loaded.set_result(self._load())
            except BaseException as error:
                loaded.set_exception(error)
            self._over.wait()

        threading.Thread(target=live, name="engine-parent", daemon=True).start()
        return asyncio.wrap_future(loaded)

    def _load(self) -> Any:
        settings = self._settings
        self._max_model_len = min(settings.max_model_len, _longest(settings))
        dtype = settings.dtype
        if dtype == "auto":
            dtype = best_dtype(processor_flags())  # type: ignore[assignment]
        log.info("loading %s, computing in %s", settings.model_path, dtype)
        os.environ.update(_environment(settings))
        from vllm.config import StructuredOutputsConfig
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.model_executor.models import registry
        from vllm.v1.engine.async_llm import AsyncLLM
        from vllm.v1.engine.core import EngineCoreProc
        from vllm.v1.executor import Executor

        # It looks at the model's class in a process of its own, for the sake of CUDA: that
        # imports everything once more.
        registry._run_in_subprocess = _look_here
        config = AsyncEngineArgs(
            model=str(settings.model_path),
            served_model_name=settings.model_name,
            dtype=dtype,
            max_model_len=self._max_model_len,
            max_num_batched_tokens=settings.batch_tokens,
            max_num_seqs=settings.batch_requests,
            kv_cache_memory_bytes=settings.kv_cache_mib * MIB,
            enforce_eager=True,  # what torch.compile gains on a processor, its start-up costs
            enable_lora=True,
            max_loras=settings.max_loras,
            max_lora_rank=settings.max_lora_rank,
            max_cpu_loras=max(settings.max_loras, settings.max_cpu_loras),
            distributed_executor_backend="uni",  # one process fewer that imports torch
            trust_remote_code=False,
            # Fixed: vLLM's own choice changes by request and the engine keeps the first one, which
            # then ignores what it does not know. And no endless white space, which small models
            # like.
            structured_outputs_config=StructuredOutputsConfig(
                backend="xgrammar", disable_any_whitespace=True
            ),
            seed=0,
        ).create_engine_config()
        # A forked engine shares what is imported; vLLM's own choice on a processor is to
        # spawn, and to import it all again.
        os.environ["VLLM_WORKER_MULTIPROC_METHOD"] = "fork"
        EngineCoreProc.run_engine_core = staticmethod(
            partial(_engine_process, EngineCoreProc.run_engine_core, os.getpid())
        )
        llm = AsyncLLM(
            config,
            Executor.get_class(config),
            log_stats=False,
            log_requests=False,
            stat_loggers=[partial(_pulse, self._step)],
        )
        self._tokens = Tokens(llm.get_tokenizer(), settings.model_name)
        return llm


def _environment(settings: Settings) -> dict[str, str]:
    return {
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_LOGGING_LEVEL": "WARNING",
        "VLLM_CACHE_ROOT": str(settings.home / "cache" / "vllm"),
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # else "uni" is not honoured on a processor
        "VLLM_CPU_NUM_OF_RESERVED_CPU": "0",
        "OMP_NUM_THREADS": str(len(os.sched_getaffinity(0))),
        "OMP_WAIT_POLICY": "PASSIVE",  # training shares the cores
        # Eager throughout: else the first log-probabilities, an adapter's probe too, wait for a
        # compiler longer than an engine may hang.
        "TORCH_COMPILE_DISABLE": "1",
    }


def _look_here(fn: Callable[[], T]) -> T:
    return fn()


def _longest(settings: Settings) -> int:
    """Return how many tokens the model was made for."""
    config = json.loads((settings.model_path / "config.json").read_text())
    return int(config.get("max_position_embeddings", settings.max_model_len))


def _engine_process(run: Callable[..., None], parent: int, *args: Any, **kwargs: Any) -> None:
    end_with_parent(parent)
    let_go_of_sockets()
    run(*args, **kwargs)


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


def _pulse(step: Callable[[], None], config: Any, index: int = 0) -> Any:
    """Return a logger of vLLM's statistics that only notices each step of the engine."""
    from vllm.v1.metrics.loggers import StatLoggerBase

    class Pulse(StatLoggerBase):
        def __init__(self, vllm_config: Any, engine_index: int = 0) -> None:
            pass

        def record(self, *args: Any, **kwargs: Any) -> None:
            step()

        def log_engine_initialized(self) -> None:
            pass

    return Pulse(config, index)

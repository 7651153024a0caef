"""Starts vLLM in a child process of this one. What asks it is `engine.py`; no other knows it."""

import json
import logging
import os
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import wait
from typing import Any, TypeVar

from gyre_inference.parentage import end_with_parent, let_go_of_sockets
from gyre_inference.settings import Settings
from gyre_inference.sparing import spare_unfinished
from gyre_inference.tokens import Tokens
from gyre_service.processor import best_dtype, processor_flags

log = logging.getLogger(__name__)

T = TypeVar("T")
MIB = 1 << 20
# What transformers and vLLM import if it is there, for losses, audio and drafts that we have not:
# 6 of the 24 processor seconds of a start.
UNUSED = ("sklearn", "scipy", "pandas")


@dataclass(frozen=True)
class Launched:
    """An engine that has its model."""

    llm: Any  # vllm.v1.engine.async_llm.AsyncLLM
    tokens: Tokens
    max_model_len: int

    def lives(self) -> bool:
        """Whether vLLM thinks so and no process of it has ended, with whatever status."""
        return not self.llm.errored and not wait([one.sentinel for one in self._processes()], 0)

    def kill(self) -> None:
        """End its processes now; one that is stopped ends as well."""
        for process in self._processes():
            process.kill()

    def _processes(self) -> Any:
        return self.llm.engine_core.resources.engine_manager.processes


def launch(settings: Settings, step: Callable[[], None]) -> Launched:
    """Start the engine; it ends with the thread that calls this.

    Args:
        settings: Of the service.
        step: Called after each step of the engine.
    """
    arguments = engine_arguments(settings)
    log.info("loading %s, computing in %s", settings.model_path, arguments["dtype"])
    os.environ.update(engine_environment(settings))
    with as_if_not_installed(UNUSED):
        return _launch(settings, arguments, step)


def _launch(settings: Settings, arguments: dict[str, Any], step: Callable[[], None]) -> Launched:
    from vllm.config import StructuredOutputsConfig
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.model_executor.models import registry
    from vllm.v1.engine.async_llm import AsyncLLM
    from vllm.v1.engine.core import EngineCoreProc
    from vllm.v1.executor import Executor

    # It looks at the model's class in a process of its own, for the sake of CUDA: that
    # imports everything once more.
    registry._run_in_subprocess = _look_here
    structured = StructuredOutputsConfig(**arguments["structured_outputs_config"])
    config = AsyncEngineArgs(
        **arguments | {"structured_outputs_config": structured}
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
        stat_loggers=[partial(_pulse, step)],
    )
    tokens = Tokens(llm.get_tokenizer(), settings.model_name)
    return Launched(llm, tokens, arguments["max_model_len"])


def engine_arguments(settings: Settings) -> dict[str, Any]:
    """Return what vLLM is told of the engine: plain values, by the names of its flags.

    `make bench-startup` gives the same to `vllm serve`.
    """
    dtype: str = settings.dtype
    if dtype == "auto":
        dtype = best_dtype(processor_flags())
    return {
        "model": str(settings.model_path),
        "served_model_name": settings.model_name,
        "dtype": dtype,
        "max_model_len": min(settings.max_model_len, _longest(settings)),
        "max_num_batched_tokens": settings.batch_tokens,
        "max_num_seqs": settings.batch_requests,
        "kv_cache_memory_bytes": settings.kv_cache_mib * MIB,
        "enforce_eager": True,  # what torch.compile gains on a processor, its start-up costs
        "enable_lora": True,
        "max_loras": settings.max_loras,
        "max_lora_rank": settings.max_lora_rank,
        "max_cpu_loras": settings.max_loras,  # more would change places, behind our back
        "distributed_executor_backend": "uni",  # one process fewer that imports torch
        "trust_remote_code": False,
        # Fixed: vLLM's own choice changes by request and the engine keeps the first one, which
        # then ignores what it does not know. And no endless white space, which small models like.
        "structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True},
        "seed": 0,
    }


def engine_environment(settings: Settings) -> dict[str, str]:
    """Return the environment that vLLM starts in."""
    return {
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_LOGGING_LEVEL": "WARNING",
        "VLLM_CACHE_ROOT": str(settings.home / "cache" / "vllm"),
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # else "uni" is not honoured on a processor
        "VLLM_CPU_NUM_OF_RESERVED_CPU": "0",
        "OMP_NUM_THREADS": str(len(os.sched_getaffinity(0))),
        "OMP_WAIT_POLICY": "PASSIVE",  # training shares the cores
        "TORCH_COMPILE_DISABLE": "1",  # `_compile_nothing` says why; `vllm serve` has only this
    }


@contextmanager
def as_if_not_installed(names: Collection[str]) -> Iterator[None]:
    """Hide modules that nobody has imported yet."""
    hidden: dict[str, Any] = {name: None for name in names if name not in sys.modules}
    sys.modules.update(hidden)
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


def _look_here(fn: Callable[[], T]) -> T:
    return fn()


def _longest(settings: Settings) -> int:
    """Return how many tokens the model was made for."""
    config = json.loads((settings.model_path / "config.json").read_text())
    return int(config.get("max_position_embeddings", settings.max_model_len))


def _engine_process(run: Callable[..., None], parent: int, *args: Any, **kwargs: Any) -> None:
    end_with_parent(parent)
    let_go_of_sockets()
    spare_unfinished()
    _compile_nothing()
    run(*args, **kwargs)


def _compile_nothing() -> None:
    """Eager throughout.

    Else the first log-probabilities, an adapter's probe too, wait for a compiler longer than an
    engine may hang. The environment says so as well, but is read only once, when it is imported.
    """
    import torch._dynamo.config

    torch._dynamo.config.disable = True


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

"""Keeps vLLM from drawing for a prompt that is not yet whole."""

from collections.abc import Callable
from typing import Any

import numpy as np


def spare_unfinished() -> None:
    """Let a request's seed mean the same however its prompt is cut into steps, and on a processor.

    vLLM (0.32, `GPUModelRunner._bookkeeping_sync`) draws a token after each part of a prompt,
    throws it away and sets the request's generator back by a counter that only those of GPUs
    have: on a processor the engine ends. A request whose token will be thrown away has no
    generator of its own here while its token is drawn, so that none needs to be set back.
    """
    from vllm.v1.worker.gpu_model_runner import GPUModelRunner

    runner: Any = GPUModelRunner
    runner.sample_tokens = sparing(runner.sample_tokens)


def sparing(sample_tokens: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method of vLLM's runner, with the generators of unfinished prompts laid aside."""

    def sample(runner: Any, *args: Any, **kwargs: Any) -> Any:
        batch = runner.input_batch
        unfinished = np.flatnonzero(runner.discard_request_mask.np[: batch.num_reqs])
        spared = {
            row: batch.generators.pop(row) for row in unfinished.tolist() if row in batch.generators
        }
        try:
            return sample_tokens(runner, *args, **kwargs)
        finally:
            batch.generators.update(spared)

    return sample

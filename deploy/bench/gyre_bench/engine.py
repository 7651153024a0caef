"""The bare engine: vLLM as `inference` starts it, and nothing of `inference` around it."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from itertools import count
from time import perf_counter
from typing import Any

from gyre_bench.figures import Sample
from gyre_bench.questions import Asked, Questions, route_of
from gyre_inference.launching import Launched, launch
from gyre_inference.settings import Settings

SALT = "bare"  # of the prefix cache: `inference` has the tenant


@dataclass(frozen=True)
class Made:
    """What the engine made since the piece before."""

    text: str
    tokens: int
    reason: str | None


def started(settings: Settings) -> Launched:
    """Start the engine; it ends with the thread that calls this."""
    return launch(settings, step=lambda: None)


class Bare:
    """An engine that is asked in its own process.

    Args:
        launched: The engine.
    """

    def __init__(self, launched: Launched) -> None:
        self.launched = launched
        self._ids = count()

    async def pieces(self, prompt: list[int], max_tokens: int) -> AsyncGenerator[Made]:
        """Answer as `inference` has it answer: the likeliest tokens, piece by piece."""
        from vllm import SamplingParams
        from vllm.inputs.engine import tokens_input
        from vllm.sampling_params import RequestOutputKind

        sampling = SamplingParams(
            max_tokens=max_tokens, temperature=0, output_kind=RequestOutputKind.DELTA
        )
        outputs: Any = self.launched.llm.generate(
            tokens_input(prompt, cache_salt=SALT), sampling, f"bench-{next(self._ids)}"
        )
        async for output in outputs:
            [made] = output.outputs
            yield Made(made.text, len(made.token_ids), made.finish_reason)


class BareSide:
    """The bare engine as a side: the wall it is measured by begins where its own work does.

    Args:
        bare: The engine.
        questions: With the prompts of the routes.
        max_prompt_tokens: As in the settings of `inference`.
    """

    def __init__(self, bare: Bare, questions: Questions, max_prompt_tokens: int) -> None:
        self._bare = bare
        self._questions = questions
        self._max_prompt_tokens = max_prompt_tokens

    def prompt(self, asked: Asked) -> list[int]:
        launched = self._bare.launched
        return asked.question.prompt(
            self._questions.prompts[route_of(asked.retrieval)],
            asked.mark,
            min(launched.max_model_len - asked.max_tokens, self._max_prompt_tokens),
            launched.tokens.render,
        )

    async def streamed(self, asked: Asked) -> Sample:
        prompt, first_s, tokens = self.prompt(asked), None, 0
        begin = perf_counter()
        async for piece in self._bare.pieces(prompt, asked.max_tokens):
            if first_s is None:
                first_s = perf_counter() - begin
            tokens += piece.tokens
        return Sample(perf_counter() - begin, len(prompt), tokens, first_s)

    async def whole(self, asked: Asked) -> Sample:
        return await self.streamed(asked)

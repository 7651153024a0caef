"""The choices of one completion, as an endpoint streams them.

An endpoint may pass over an option that it does not know: then it is refused here, by name.
"""

import json

from gyre_inference.generation import Piece, Sampling, TokenLogprob
from gyre_inference.logprobs import finite
from gyre_inference.openai_wire import Away, Broke, Choice, Chunk, Likely, Usage
from gyre_service.errors import Rejected


class Choices:
    """Makes pieces of chunks.

    Args:
        sampling: What was asked for.
    """

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._usage: Usage | None = None
        self._texts: dict[int, str] = {}
        self._reasons: dict[int, str] = {}
        self._with_logprobs: set[int] = set()

    def take(self, chunk: Chunk) -> list[Piece]:
        """Return what a chunk says.

        Raises:
            Rejected: Log-probabilities were asked for, and do not come.
            Unavailable: It belongs to no answer that was asked for.
        """
        self._usage = chunk.usage or self._usage
        return [piece for choice in chunk.choices if (piece := self._piece(choice))]

    def end(self) -> list[Piece]:
        """Return the end of each run, and what the endpoint counted.

        Raises:
            Rejected: There are fewer answers than were asked for, or they have not the form.
            Unavailable: It broke off before.
        """
        for run in range(self._sampling.runs):
            if run in self._reasons:
                continue
            if self._reasons and run not in self._texts:
                raise Rejected(
                    f"the endpoint gives {len(self._texts)} of {self._sampling.n} answers: "
                    "ask for one",
                    param="n",
                )
            raise Away("the endpoint broke off before the end of the answer")
        if self._sampling.json_schema:
            self._check_form()
        others = [
            Piece("", 0, finish_reason=self._reasons[run], run=run)
            for run in range(1, self._sampling.runs)
        ]
        return [*others, last_piece(self._reasons[0], self._usage)]

    def _piece(self, choice: Choice) -> Piece | None:
        run, text = choice.index, choice.delta.content or ""
        if run >= self._sampling.runs:
            raise Broke(f"the endpoint sends answer {run + 1} of {self._sampling.runs}")
        self._texts[run] = self._texts.get(run, "") + text
        if choice.finish_reason:
            self._reasons[run] = choice.finish_reason
        logprobs = self._logprobs(choice)
        if text and self._sampling.top_logprobs is not None and run not in self._with_logprobs:
            raise Rejected("the endpoint gives no log-probabilities", param="top_logprobs")
        return Piece(text, 0, run=run, logprobs=logprobs) if text or logprobs else None

    def _logprobs(self, choice: Choice) -> tuple[TokenLogprob, ...]:
        top = self._sampling.top_logprobs
        if top is None or choice.logprobs is None or not choice.logprobs.content:
            return ()
        self._with_logprobs.add(choice.index)
        if choice.finish_reason == "stop" and not choice.delta.content:
            return ()  # the token that ends an answer is a part of no text
        return tuple(
            _token(position, tuple(_token(one) for one in position.top_logprobs[:top]))
            for position in choice.logprobs.content
        )

    def _check_form(self) -> None:
        for run, text in self._texts.items():
            if self._reasons[run] != "stop" or not text.strip():
                continue  # cut off, or nothing said
            try:
                json.loads(text)
            except (ValueError, RecursionError) as error:
                raise Rejected(
                    f"the endpoint does not answer by a JSON schema: {error}", param="json_schema"
                ) from error


def _token(likely: Likely, top: tuple[TokenLogprob, ...] = ()) -> TokenLogprob:
    token = likely.token.encode() if likely.bytes is None else bytes(likely.bytes)
    return TokenLogprob(token, finite(likely.logprob), top)


def last_piece(reason: str, usage: Usage | None) -> Piece:
    """Return the end of an answer, with what the endpoint counted; 0 is unknown."""
    if usage is None:
        return Piece("", 0, finish_reason=reason)
    details = usage.prompt_tokens_details
    return Piece(
        text="",
        tokens=usage.completion_tokens or 0,
        cached_tokens=(details and details.cached_tokens) or 0,
        finish_reason=reason,
        prompt_tokens=usage.prompt_tokens,
    )

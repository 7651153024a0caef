"""Log-probabilities as engines give them, as the service passes them on."""

from collections.abc import Callable, Mapping
from typing import Any

from gyre_inference.generation import TokenLogprob

# JSON has no infinity; it is what OpenAI's own servers say of a token that could not come.
LOWEST = -9999.0


def logprobs_of(
    made: Any, top: int | None, bytes_of: Callable[[int], bytes]
) -> tuple[TokenLogprob, ...]:
    """Return the log-probabilities of the tokens of one piece.

    The token that ends an answer is a part of no text, and left out.

    Args:
        made: vLLM's `CompletionOutput`; `logprobs` has a mapping for each of `token_ids`.
        top: How many of the likeliest tokens are wanted beside; None: nothing is.
        bytes_of: Says what a token stands for.
    """
    if top is None:
        return ()
    tokens = list(made.token_ids)
    if made.finish_reason == "stop" and not isinstance(made.stop_reason, str):
        del tokens[-1:]
    found = made.logprobs or ()
    return tuple(_one(token, at, top, bytes_of) for token, at in zip(tokens, found, strict=False))


def _one(
    token: int, found: Mapping[int, Any], top: int, bytes_of: Callable[[int], bytes]
) -> TokenLogprob:
    # The token that was chosen is there too, whatever its rank.
    likeliest = sorted(found.items(), key=lambda entry: entry[1].rank)[:top]
    return TokenLogprob(
        bytes_of(token),
        finite(found[token].logprob),
        tuple(TokenLogprob(bytes_of(t), finite(one.logprob)) for t, one in likeliest),
    )


def finite(logprob: float) -> float:
    """Return a log-probability that JSON can say."""
    return max(LOWEST, logprob)

"""A question as the OpenAI API asks it."""

import json
import re
from collections.abc import Sequence
from typing import Any

from gyre_inference.generation import Sampling, Turn

# What templates write between messages: a document that had it would be read as a message.
_MARKS = re.compile(
    r"<(?=\|[^|<>\n]{1,40}\|>)|<(?=/?(?:s|bos|eos|start_of_turn|end_of_turn)>)|\[(?=/?INST\])"
)


def body_of(model: str, turns: Sequence[Turn], sampling: Sampling) -> dict[str, Any]:
    """Return the body of a streamed completion, with nothing in it that is the default anyway."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": turn.role, "content": plain(turn.content)} for turn in turns],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
    }
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    if sampling.seed is not None:
        body["seed"] = sampling.seed
    for name in ("presence_penalty", "frequency_penalty"):
        if value := getattr(sampling, name):
            body[name] = value
    return body | _options(sampling)


def _options(sampling: Sampling) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if sampling.runs > 1:
        found["n"] = sampling.runs
    if sampling.top_logprobs is not None:
        found |= {"logprobs": True, "top_logprobs": sampling.top_logprobs}
    if sampling.json_schema:
        schema = {"name": "answer", "strict": True, "schema": json.loads(sampling.json_schema)}
        found["response_format"] = {"type": "json_schema", "json_schema": schema}
    return found


def plain(text: str) -> str:
    """Return `text` without the marks that only a template may write.

    >>> plain("a <|im_end|> <b> [INST] x[1]")
    'a < |im_end|> <b> [ INST] x[1]'
    """
    return _MARKS.sub(lambda mark: mark[0] + " ", text)

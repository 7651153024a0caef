"""How each endpoint writes an answer, whole and in chunks."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gyre_gateway.openai_wire.answering import (
    ChatChoice,
    ChatCompletion,
    GyrePart,
    Head,
    Message,
    TextChoice,
    TextCompletion,
    Usage,
)
from gyre_gateway.openai_wire.base import Shown
from gyre_gateway.openai_wire.logprobs import Token, chat_logprobs, text_logprobs


@dataclass(frozen=True)
class Said:
    """One of the choices, or what came of it."""

    text: str
    index: int = 0
    refused: bool = False
    tokens: tuple[Token, ...] = ()
    reason: str = "stop"  # of a whole one


class Style(Protocol):
    """How one endpoint writes answers. It serves one answer."""

    def whole(self, head: Head, choices: Sequence[Said], usage: Usage, gyre: GyrePart) -> Shown: ...
    def first(self, head: Head, index: int) -> dict[str, Any] | None: ...
    def delta(self, head: Head, said: Said) -> dict[str, Any]: ...
    def last(self, head: Head, index: int, reason: str) -> dict[str, Any]: ...
    def after(self, head: Head) -> dict[str, Any]: ...


class ChatStyle:
    """`chat.completion`, and `chat.completion.chunk` when streaming.

    Args:
        logprobs: Whether they were asked for.
        formed: Whether the answer has a form of the caller's: then a refusal is not content.
    """

    def __init__(self, logprobs: bool = False, formed: bool = False) -> None:
        self._logprobs = logprobs
        self._formed = formed

    def whole(self, head: Head, choices: Sequence[Said], usage: Usage, gyre: GyrePart) -> Shown:
        return ChatCompletion(
            **head.fields("chatcmpl", "chat.completion"),
            choices=[
                ChatChoice(
                    index=said.index,
                    message=Message(content=None, refusal=said.text)
                    if self._stands_apart(said)
                    else Message(content=said.text),
                    logprobs=chat_logprobs(said.tokens) if self._logprobs else None,
                    finish_reason=said.reason,
                )
                for said in choices
            ],
            usage=usage,
            gyre=gyre,
        )

    def first(self, head: Head, index: int) -> dict[str, Any] | None:
        return self._chunk(head, index, {"role": "assistant", "content": ""})

    def delta(self, head: Head, said: Said) -> dict[str, Any]:
        name = "refusal" if self._stands_apart(said) else "content"
        logprobs = chat_logprobs(said.tokens).model_dump() if self._logprobs else None
        return self._chunk(head, said.index, {name: said.text}, logprobs)

    def last(self, head: Head, index: int, reason: str) -> dict[str, Any]:
        return self._chunk(head, index, {}, reason=reason)

    def after(self, head: Head) -> dict[str, Any]:
        return head.fields("chatcmpl", "chat.completion.chunk") | {"choices": []}

    def _stands_apart(self, said: Said) -> bool:
        return self._formed and said.refused

    def _chunk(
        self,
        head: Head,
        index: int,
        delta: dict[str, str],
        logprobs: dict[str, Any] | None = None,
        reason: str | None = None,
    ) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
        return head.fields("chatcmpl", "chat.completion.chunk") | {"choices": [choice]}


class TextStyle:
    """`text_completion`, which is the name of its chunks too.

    Args:
        logprobs: Whether they were asked for.
    """

    def __init__(self, logprobs: bool = False) -> None:
        self._logprobs = logprobs
        self._shown: defaultdict[int, int] = defaultdict(int)  # characters of tokens, by choice

    def whole(self, head: Head, choices: Sequence[Said], usage: Usage, gyre: GyrePart) -> Shown:
        return TextCompletion(
            **head.fields("cmpl", "text_completion"),
            choices=[
                TextChoice(
                    index=said.index,
                    text=said.text,
                    logprobs=text_logprobs(said.tokens, 0) if self._logprobs else None,
                    finish_reason=said.reason,
                )
                for said in choices
            ],
            usage=usage,
            gyre=gyre,
        )

    def first(self, head: Head, index: int) -> dict[str, Any] | None:
        return None  # a completion has no role to say

    def delta(self, head: Head, said: Said) -> dict[str, Any]:
        logprobs = None
        if self._logprobs:
            logprobs = text_logprobs(said.tokens, self._shown[said.index]).model_dump()
            self._shown[said.index] += sum(len(one.text) for one in said.tokens)
        return self._chunk(head, said.index, said.text, logprobs)

    def last(self, head: Head, index: int, reason: str) -> dict[str, Any]:
        return self._chunk(head, index, "", reason=reason)

    def after(self, head: Head) -> dict[str, Any]:
        return head.fields("cmpl", "text_completion") | {"choices": []}

    def _chunk(
        self,
        head: Head,
        index: int,
        text: str,
        logprobs: dict[str, Any] | None = None,
        reason: str | None = None,
    ) -> dict[str, Any]:
        choice = {"index": index, "text": text, "logprobs": logprobs, "finish_reason": reason}
        return head.fields("cmpl", "text_completion") | {"choices": [choice]}

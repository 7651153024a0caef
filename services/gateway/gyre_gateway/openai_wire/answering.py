"""What an answer looks like, whole and in chunks."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from gyre_gateway.openai_wire.base import Shown


class PromptTokensDetails(Shown):
    cached_tokens: int = 0


class Usage(Shown):
    """Tokens of one request."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails = PromptTokensDetails()

    @classmethod
    def of(cls, prompt: int, completion: int, cached: int = 0) -> "Usage":
        return cls(
            prompt_tokens=prompt,
            completion_tokens=completion,
            total_tokens=prompt + completion,
            prompt_tokens_details=PromptTokensDetails(cached_tokens=cached),
        )


class ShownPassage(Shown):
    """A passage the answer was given; its number in the text is its position from 1."""

    id: str
    document_id: str
    document: str
    page: int | None
    text: str
    score: float


class ShownCost(Shown):
    """What the answer cost: a decimal, ISO 4217, and the version of the price table."""

    amount: str
    currency: str
    prices: str


class GyrePart(Shown):
    """What is ours in an answer; `adapter` is a digest, null for the base alone."""

    answer_id: str
    refused: bool
    arm: str
    adapter: str | None
    cost: ShownCost | None
    passages: list[ShownPassage]


class Message(Shown):
    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    tool_calls: None = None


class ChatChoice(Shown):
    index: Literal[0] = 0
    message: Message
    logprobs: None = None
    finish_reason: str


class ChatCompletion(Shown):
    """A whole chat answer."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChatChoice]
    usage: Usage
    gyre: GyrePart


class TextChoice(Shown):
    index: Literal[0] = 0
    text: str
    logprobs: None = None
    finish_reason: str


class TextCompletion(Shown):
    """A whole answer to a prompt."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    system_fingerprint: str
    choices: list[TextChoice]
    usage: Usage
    gyre: GyrePart


@dataclass(frozen=True)
class Head:
    """What every part of one answer repeats; `created` is in seconds since 1970."""

    answer_id: str
    created: int
    model: str
    system_fingerprint: str

    def fields(self, prefix: str, object: str) -> dict[str, Any]:
        return {
            "id": f"{prefix}-{self.answer_id}",
            "object": object,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.system_fingerprint,
        }


class Style(Protocol):
    """How one endpoint writes answers."""

    def whole(self, head: Head, text: str, reason: str, usage: Usage, gyre: GyrePart) -> Shown: ...
    def first(self, head: Head) -> dict[str, Any] | None: ...
    def delta(self, head: Head, text: str) -> dict[str, Any]: ...
    def last(self, head: Head, reason: str) -> dict[str, Any]: ...
    def after(self, head: Head) -> dict[str, Any]: ...


class ChatStyle:
    """`chat.completion`, and `chat.completion.chunk` when streaming."""

    def whole(self, head: Head, text: str, reason: str, usage: Usage, gyre: GyrePart) -> Shown:
        return ChatCompletion(
            id=f"chatcmpl-{head.answer_id}",
            created=head.created,
            model=head.model,
            system_fingerprint=head.system_fingerprint,
            choices=[ChatChoice(message=Message(content=text), finish_reason=reason)],
            usage=usage,
            gyre=gyre,
        )

    def first(self, head: Head) -> dict[str, Any] | None:
        return self._chunk(head, {"role": "assistant", "content": ""}, None)

    def delta(self, head: Head, text: str) -> dict[str, Any]:
        return self._chunk(head, {"content": text}, None)

    def last(self, head: Head, reason: str) -> dict[str, Any]:
        return self._chunk(head, {}, reason)

    def after(self, head: Head) -> dict[str, Any]:
        return head.fields("chatcmpl", "chat.completion.chunk") | {"choices": []}

    def _chunk(self, head: Head, delta: dict[str, str], reason: str | None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return head.fields("chatcmpl", "chat.completion.chunk") | {"choices": [choice]}


class TextStyle:
    """`text_completion`, which is the name of its chunks too."""

    def whole(self, head: Head, text: str, reason: str, usage: Usage, gyre: GyrePart) -> Shown:
        return TextCompletion(
            id=f"cmpl-{head.answer_id}",
            created=head.created,
            model=head.model,
            system_fingerprint=head.system_fingerprint,
            choices=[TextChoice(text=text, finish_reason=reason)],
            usage=usage,
            gyre=gyre,
        )

    def first(self, head: Head) -> dict[str, Any] | None:
        return None  # a completion has no role to say

    def delta(self, head: Head, text: str) -> dict[str, Any]:
        return self._chunk(head, text, None)

    def last(self, head: Head, reason: str) -> dict[str, Any]:
        return self._chunk(head, "", reason)

    def after(self, head: Head) -> dict[str, Any]:
        return head.fields("cmpl", "text_completion") | {"choices": []}

    def _chunk(self, head: Head, text: str, reason: str | None) -> dict[str, Any]:
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": reason}
        return head.fields("cmpl", "text_completion") | {"choices": [choice]}

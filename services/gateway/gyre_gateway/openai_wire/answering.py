"""What an answer looks like, whole and in chunks."""

from dataclasses import dataclass
from typing import Any, Literal

from gyre_gateway.openai_wire.base import Shown
from gyre_gateway.openai_wire.logprobs import ChatLogprobs, TextLogprobs


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
    """What is ours in an answer; `adapter` is a digest, null for the base alone.

    `no_context`: search was away, so nothing was found.
    """

    answer_id: str
    refused: bool
    no_context: bool
    arm: str
    adapter: str | None
    cost: ShownCost | None
    passages: list[ShownPassage]


class Message(Shown):
    """What is said; a refusal of an answer in a form of the caller's stands apart."""

    role: Literal["assistant"] = "assistant"
    content: str | None
    refusal: str | None = None
    tool_calls: None = None


class ChatChoice(Shown):
    index: int
    message: Message
    logprobs: ChatLogprobs | None = None
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
    index: int
    text: str
    logprobs: TextLogprobs | None = None
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

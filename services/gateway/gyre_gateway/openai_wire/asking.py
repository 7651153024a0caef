"""What a question looks like: the requests of chat and of completions."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from gyre_gateway.openai_wire.base import (
    Absent,
    Choices,
    NoEntries,
    NoItems,
    Penalty,
    Seed,
    Stop,
    Temperature,
    Tokens,
    TopP,
    UuidText,
    Wire,
)
from gyre_gateway.openai_wire.formats import ResponseFormat


class TextPart(Wire):
    """A part of a message; only text can be read."""

    type: Literal["text"]
    text: str


class RefusalPart(Wire):
    """A part of an answer that declined."""

    type: Literal["refusal"]
    refusal: str

    @property
    def text(self) -> str:
        return self.refusal


class AskedMessage(Wire):
    """One message of the conversation so far; `developer` is OpenAI's newer `system`.

    An answer that declined has its words in `refusal`, as we send it, and `content` null.
    """

    role: Literal["system", "developer", "user", "assistant"]
    refusal: str | None = None
    content: Annotated[
        str | list[TextPart | RefusalPart] | None, Field(default=None, validate_default=True)
    ]
    tool_calls: NoItems = None

    @field_validator("content")
    @classmethod
    def _says_something(
        cls, value: str | list[TextPart | RefusalPart] | None, info: ValidationInfo
    ) -> str | list[TextPart | RefusalPart] | None:
        declined = info.data.get("role") == "assistant" and info.data.get("refusal")
        if value is None and not declined:
            raise ValueError("is required: only an assistant's message with a `refusal` has none")
        return value

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or (self.refusal if self.role == "assistant" else "") or ""


class StreamOptions(Wire):
    """How to stream."""

    include_usage: bool | None = None


class Metadata(Wire):
    """What of OpenAI's free-form `metadata` means something to us."""

    retrieval: Literal["on", "off"] = "on"
    conversation_id: UuidText | None = None


class Asked(Wire):
    """What both requests have in common."""

    model: Annotated[str, Field(min_length=1, max_length=200)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Choices | None = None
    seed: Seed | None = None
    stop: Stop | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    max_tokens: Tokens | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    logit_bias: NoEntries = None
    user: Annotated[str, Field(max_length=512)] | None = None
    metadata: Metadata | None = None

    @property
    def stops(self) -> list[str]:
        return [self.stop] if isinstance(self.stop, str) else self.stop or []

    @property
    def include_usage(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def likeliest(self) -> int | None:
        """How many tokens are wanted beside each one; None: no log-probabilities."""
        return None

    @property
    def answer_schema(self) -> str:
        """What an answer's JSON has to be; empty: it is text."""
        return ""

    def name_of(self, param: str | None) -> str | None:
        """Return how this request calls what inference calls `param`."""
        return param


def _ends_with_user(messages: list[AskedMessage]) -> list[AskedMessage]:
    if messages[-1].role != "user":
        raise ValueError(f"the last one must have the role 'user', not {messages[-1].role!r}")
    return messages


class ChatRequest(Asked):
    """The body of `POST /v1/chat/completions`."""

    messages: Annotated[
        list[AskedMessage], Field(min_length=1, max_length=1000), AfterValidator(_ends_with_user)
    ]
    max_completion_tokens: Tokens | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    tools: NoItems = None
    tool_choice: Literal["none", "auto"] | None = None
    functions: NoItems = None
    function_call: Literal["none", "auto"] | None = None
    response_format: ResponseFormat | None = None
    modalities: list[Literal["text"]] | None = None
    audio: NoEntries = None
    prediction: NoEntries = None
    web_search_options: Absent = None

    @field_validator("top_logprobs")
    @classmethod
    def _has_logprobs(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value and not info.data.get("logprobs"):
            raise ValueError("needs `logprobs` to be true")
        return value

    @property
    def token_limit(self) -> int:
        return self.max_completion_tokens or self.max_tokens or 0

    @property
    def likeliest(self) -> int | None:
        return self.top_logprobs or 0 if self.logprobs else None

    @property
    def answer_schema(self) -> str:
        return self.response_format.answer_schema if self.response_format else ""

    def name_of(self, param: str | None) -> str | None:
        if param == "max_tokens" and self.max_completion_tokens:
            return "max_completion_tokens"
        return "response_format" if param == "json_schema" else param


class CompletionRequest(Asked):
    """The body of `POST /v1/completions`: the prompt is asked as one user message."""

    prompt: str | Annotated[list[str], Field(min_length=1, max_length=1)]
    best_of: Choices | None = None
    echo: Literal[False] | None = None
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = None
    suffix: Annotated[str, Field(max_length=0)] | None = None

    @field_validator("best_of")
    @classmethod
    def _is_n(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value not in (None, info.data.get("n") or 1):
            raise ValueError("not supported by this server: leave it out, or make it `n`")
        return value

    @property
    def text(self) -> str:
        return self.prompt if isinstance(self.prompt, str) else self.prompt[0]

    @property
    def likeliest(self) -> int | None:
        return self.logprobs

    def name_of(self, param: str | None) -> str | None:
        return "logprobs" if param == "top_logprobs" else param

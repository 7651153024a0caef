"""What a question looks like: the requests of chat and of completions."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from gyre_gateway.openai_wire.base import (
    Absent,
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


class TextPart(Wire):
    """A part of a message; only text can be read."""

    type: Literal["text"]
    text: str


class AskedMessage(Wire):
    """One message of the conversation so far; `developer` is OpenAI's newer `system`."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]
    tool_calls: NoItems = None

    @property
    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content)


class StreamOptions(Wire):
    """How to stream."""

    include_usage: bool | None = None


class TextFormat(Wire):
    """The only format of an answer that we have."""

    type: Literal["text"]


class Metadata(Wire):
    """What of OpenAI's free-form `metadata` means something to us."""

    retrieval: Literal["on", "off"] = "on"
    conversation_id: UuidText | None = None


class Asked(Wire):
    """What both requests have in common."""

    model: Annotated[str, Field(min_length=1, max_length=200)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
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
    logprobs: Literal[False] | None = None
    top_logprobs: Literal[0] | None = None
    tools: NoItems = None
    tool_choice: Literal["none", "auto"] | None = None
    functions: NoItems = None
    function_call: Literal["none", "auto"] | None = None
    response_format: TextFormat | None = None
    modalities: list[Literal["text"]] | None = None
    audio: NoEntries = None
    prediction: NoEntries = None
    web_search_options: Absent = None

    @property
    def token_limit(self) -> int:
        return self.max_completion_tokens or self.max_tokens or 0


class CompletionRequest(Asked):
    """The body of `POST /v1/completions`: the prompt is asked as one user message."""

    prompt: str | Annotated[list[str], Field(min_length=1, max_length=1)]
    best_of: Literal[1] | None = None
    echo: Literal[False] | None = None
    logprobs: Literal[0] | None = None
    suffix: Annotated[str, Field(max_length=0)] | None = None

    @property
    def text(self) -> str:
        return self.prompt if isinstance(self.prompt, str) else self.prompt[0]

"""Log-probabilities of an answer's tokens, as each endpoint shows them."""

from dataclasses import dataclass

from gyre_gateway.openai_wire.base import Shown


@dataclass(frozen=True)
class Token:
    """A token's bytes (a part of a character, maybe), and its natural log-probability."""

    token: bytes
    logprob: float
    top: tuple["Token", ...] = ()  # the likeliest in its place, likeliest first

    @property
    def text(self) -> str:
        return self.token.decode(errors="replace")


class TopLogprob(Shown):
    """A token that could have come."""

    token: str
    logprob: float
    bytes: list[int]


class TokenLogprob(TopLogprob):
    """A token that came."""

    top_logprobs: list[TopLogprob]


class ChatLogprobs(Shown):
    """Of one choice, or of one chunk of it."""

    content: list[TokenLogprob]
    refusal: None = None


class TextLogprobs(Shown):
    """Of one choice, or of one chunk of it: four lists as long as its tokens."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]]
    text_offset: list[int]


def chat_logprobs(tokens: tuple[Token, ...]) -> ChatLogprobs:
    r"""Return how `/v1/chat/completions` shows them.

    >>> chat_logprobs((Token(b"\xc3", -1),)).content[0].model_dump()
    {'token': '�', 'logprob': -1.0, 'bytes': [195], 'top_logprobs': []}
    """
    return ChatLogprobs(
        content=[
            TokenLogprob(
                token=one.text,
                logprob=one.logprob,
                bytes=list(one.token),
                top_logprobs=[
                    TopLogprob(token=top.text, logprob=top.logprob, bytes=list(top.token))
                    for top in one.top
                ],
            )
            for one in tokens
        ]
    )


def text_logprobs(tokens: tuple[Token, ...], begin: int) -> TextLogprobs:
    """Return how `/v1/completions` shows them.

    Args:
        tokens: In their order.
        begin: Characters of the tokens before them.
    """
    offsets = [begin]
    for one in tokens:
        offsets.append(offsets[-1] + len(one.text))
    return TextLogprobs(
        tokens=[one.text for one in tokens],
        token_logprobs=[one.logprob for one in tokens],
        # The token itself is always there: so it is at OpenAI.
        top_logprobs=[
            {top.text: top.logprob for top in one.top} | {one.text: one.logprob} for one in tokens
        ],
        text_offset=offsets[:-1],
    )

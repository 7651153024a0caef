"""Vectors as OpenAI's clients read them."""

import base64
import sys
from array import array
from typing import Annotated, Literal

from pydantic import Field

from gyre_gateway.openai_wire.base import Shown, Wire

Text = Annotated[str, Field(min_length=1)]


class EmbeddingRequest(Wire):
    """The body of `POST /v1/embeddings`. Tokens instead of text are another model's."""

    model: Annotated[str, Field(min_length=1, max_length=200)]
    input: Text | Annotated[list[Text], Field(min_length=1, max_length=2048)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Field(ge=1)] | None = None
    user: str | None = None

    @property
    def texts(self) -> list[str]:
        return [self.input] if isinstance(self.input, str) else self.input


class Embedding(Shown):
    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingUsage(Shown):
    prompt_tokens: int
    total_tokens: int


class EmbeddingList(Shown):
    """A vector a text, in the order of the texts."""

    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: EmbeddingUsage


def split(vectors: bytes, dimension: int) -> list[bytes]:
    """Return the rows of little-endian float32 `vectors`, `dimension` numbers each."""
    width = 4 * dimension
    return [vectors[start : start + width] for start in range(0, len(vectors), width)]


def encoded(row: bytes, as_base64: bool) -> list[float] | str:
    """Return one vector, given as little-endian float32, as the client wants it.

    >>> encoded(bytes.fromhex("0000803f"), False), encoded(bytes.fromhex("0000803f"), True)
    ([1.0], 'AACAPw==')
    """
    if as_base64:
        return base64.b64encode(row).decode()
    numbers = array("f", row)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()

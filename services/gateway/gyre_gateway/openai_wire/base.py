"""What the shapes of every endpoint have in common."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

MAX_DEPTH = 100


class Wire(BaseModel):
    """What a client sends: types are not guessed, unknown fields are ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    @field_validator("*", mode="before")
    @classmethod
    def _is_unicode(cls, value: Any) -> Any:
        _check_unicode(value)
        return value


def whole_text(text: str) -> str:
    """Return `text`, unless it has what no database keeps.

    Raises:
        ValueError: It has half a character, which JSON can escape and UTF-8 cannot write, or
            U+0000, which PostgreSQL keeps in no text.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"no Unicode text: {error.reason}") from error
    if "\0" in text:
        raise ValueError("no text has the character U+0000: leave it out")
    return text


def unix_lines(text: str) -> str:
    r"""Return `text` with `\n` at the end of its lines; a browser's form sends `\r\n`.

    >>> unix_lines("a\r\nb\rc\n")
    'a\nb\nc\n'
    """
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _check_unicode(value: Any, depth: int = MAX_DEPTH) -> None:
    """Refuse what `whole_text` refuses, wherever it is.

    Raises:
        ValueError: A text in `value` is none, or it has too many levels to look.
    """
    if not depth:
        raise ValueError(f"more than {MAX_DEPTH} objects and lists in each other")
    match value:
        case str():
            whole_text(value)
        case list():
            for one in value:
                _check_unicode(one, depth - 1)
        case dict():
            for one in (*value, *value.values()):
                _check_unicode(one, depth - 1)


class Shown(BaseModel):
    """What a client is shown."""

    model_config = ConfigDict(frozen=True)


def uuid_text(text: str) -> str:
    """Return an id as we write it; an answer's may have the prefix of its completion.

    Raises:
        ValueError: It is no UUID.

    >>> uuid_text("chatcmpl-0198A1B2-0000-7000-8000-000000000000")
    '0198a1b2-0000-7000-8000-000000000000'
    """
    bare = text.removeprefix("chatcmpl-").removeprefix("cmpl-")
    try:
        return str(UUID(bare))
    except ValueError as error:
        raise ValueError(f"expected a UUID, got {text[:80]!r}") from error


def _is_empty(value: Any) -> Any:
    if value:
        raise ValueError("not supported by this server: leave it out")
    return value


def _is_absent(value: Any) -> Any:
    if value is not None:
        raise ValueError("not supported by this server: leave it out")
    return value


UuidText = Annotated[str, AfterValidator(uuid_text)]
# Known to OpenAI's clients, which send them empty; with content we could not honour them.
NoItems = Annotated[list[Any] | None, AfterValidator(_is_empty)]
NoEntries = Annotated[dict[str, Any] | None, AfterValidator(_is_empty)]
Absent = Annotated[Any, AfterValidator(_is_absent)]

Temperature = Annotated[float, Field(ge=0, le=2)]
TopP = Annotated[float, Field(gt=0, le=1)]
Penalty = Annotated[float, Field(ge=-2, le=2)]
Seed = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
Tokens = Annotated[int, Field(ge=1, le=1_000_000)]
Choices = Annotated[int, Field(ge=1, le=8)]
Stop = str | Annotated[list[str], Field(max_length=4)]

"""The OpenAI API of an endpoint that serves a model. No other module knows HTTP."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Annotated, Any, TypeAlias

import httpx
from pydantic import BaseModel, Field, ValidationError

from gyre_service.errors import Overloaded, Rejected, ServiceError, Unavailable

CONNECT_S = 5.0
CALL_S = 5.0  # that a call may take which generates nothing
# Most servers close a connection that was idle for 5 s: one that is about to be closed would
# fail a question.
KEEP_S = 2.0
BLAMES_THE_REQUEST = (400, 413, 422)
BROKE = 500
GATEWAYS_FAULT = (502, 503, 504)
TOO_MUCH = 429
KEY_REFUSED = (401, 403)
SHOWN = 300  # characters of what an endpoint says
LONGEST = 1 << 20  # bytes of one event
OURS = {"logprobs": "top_logprobs", "response_format": "json_schema"}  # our names of options
Fields: TypeAlias = dict[str, Any]


class Away(Unavailable):
    """The endpoint cannot be reached, is silent or breaks off, whatever it is asked."""


class Broke(Unavailable):
    """The endpoint failed over this very request."""


class Absent(Unavailable):
    """The endpoint has no such model or path: whoever configured it, or us, is to blame."""


class Card(BaseModel):
    """A model as an endpoint lists it. vLLM tells more than the others."""

    id: str
    owned_by: str = ""
    root: str | None = None
    parent: str | None = None  # of an adapter: its base
    max_model_len: int | None = None


class _Cards(BaseModel):
    data: list[Card]


class Delta(BaseModel):
    """What was said since the chunk before."""

    content: str | None = None


class Likely(BaseModel):
    """A token that might have been next."""

    token: str
    logprob: float
    bytes: list[Annotated[int, Field(ge=0, le=255)]] | None = None  # a part of a letter has no text


class Position(Likely):
    """The token of one place, and the likeliest ones there."""

    top_logprobs: list[Likely] = []


class Logprobs(BaseModel):
    """Of the tokens in a chunk."""

    content: list[Position] | None = None


class Choice(BaseModel):
    """One of the answers."""

    index: Annotated[int, Field(ge=0)] = 0
    delta: Delta = Delta()
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class Details(BaseModel):
    """Of a prompt's tokens."""

    cached_tokens: int | None = None


class Usage(BaseModel):
    """Tokens as the endpoint counted them."""

    prompt_tokens: int
    completion_tokens: int | None = None
    prompt_tokens_details: Details | None = None


class Chunk(BaseModel):
    """A piece of a streamed completion."""

    choices: list[Choice] = []
    usage: Usage | None = None


class Endpoint:
    """Calls to one endpoint.

    Args:
        url: Of its API, with the version: http://host:8000/v1
        key: That it wants, or empty.
        silence_s: That a stream may take to its next byte.
        connections: That are kept open between questions.
    """

    def __init__(self, url: str, key: str, silence_s: float, connections: int) -> None:
        self._silence_s = silence_s
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/") + "/",
            headers={"authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(CALL_S, connect=CONNECT_S),
            limits=httpx.Limits(max_keepalive_connections=connections, keepalive_expiry=KEEP_S),
            trust_env=False,  # only the settings read the environment
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def models(self) -> dict[str, Card]:
        """Return what it serves, by id.

        Raises:
            Unavailable: It is away, or answers with something else.
        """
        async with _translated(CALL_S):
            response = await self._http.get("models")
        try:
            _check(response.status_code, response.content)
            cards = _Cards.model_validate_json(response.content).data
        except (Rejected, ValidationError) as error:
            raise Unavailable(f"the endpoint lists no models: {_short(str(error))}") from error
        return {card.id: card for card in cards}

    async def chat(self, body: Fields) -> AsyncGenerator[Chunk]:
        """Yield the chunks of a completion. Closing the iterator hangs up.

        Raises:
            Rejected: The endpoint will never take this request.
            Unavailable: It is away, fails, breaks off, or says nothing for too long.
        """
        timeout = httpx.Timeout(self._silence_s, connect=CONNECT_S)
        async with (
            _translated(self._silence_s),
            self._http.stream("POST", "chat/completions", json=body, timeout=timeout) as response,
        ):
            if response.status_code != httpx.codes.OK:
                _check(response.status_code, await response.aread())
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                raise Unavailable("the endpoint does not stream: expected text/event-stream")
            async with aclosing(_events(response.aiter_bytes())) as events:
                async for event in events:
                    if event == b"[DONE]":
                        return
                    yield _chunk(event)

    async def load_adapter(self, name: str, path: str, seconds: float) -> None:
        """Have a vLLM server load an adapter.

        Raises:
            Rejected: It does not take it, or loads none.
            Unavailable: It is away, or takes too long.
        """
        try:
            body = {"lora_name": name, "lora_path": path}
            await self._post("load_lora_adapter", body, seconds)
        except Absent as error:
            raise Rejected(
                f"the endpoint loads no adapter from {path}: {error} (vLLM loads adapters only "
                "with VLLM_ALLOW_RUNTIME_LORA_UPDATING=True)"
            ) from error

    async def unload_adapter(self, name: str) -> None:
        """Have it let go of an adapter; it may have done so already.

        Raises:
            Unavailable: It is away.
        """
        try:
            await self._post("unload_lora_adapter", {"lora_name": name}, CALL_S)
        except (Rejected, Absent):
            return

    async def _post(self, path: str, body: Fields, seconds: float) -> None:
        timeout = httpx.Timeout(seconds, connect=CONNECT_S)
        async with _translated(seconds):
            response = await self._http.post(path, json=body, timeout=timeout)
        _check(response.status_code, response.content)


@asynccontextmanager
async def _translated(seconds: float) -> AsyncIterator[None]:
    """Say httpx's errors in our words."""
    try:
        yield
    except httpx.ConnectTimeout as error:
        raise Away(f"the endpoint cannot be reached in {CONNECT_S:g} s") from error
    except httpx.TimeoutException as error:
        raise Away(f"the endpoint said nothing for {seconds:g} s") from error
    except httpx.ConnectError as error:
        raise Away(f"the endpoint cannot be reached: {error}") from error
    except httpx.LocalProtocolError:  # it quotes what cannot be sent: the key
        raise Away("the request cannot be sent: is GYRE_OPENAI_API_KEY one line?") from None
    except httpx.HTTPError as error:
        raise Away(f"the endpoint broke off: {error}".rstrip(": ")) from error


async def _events(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    r"""Yield the data of server-sent events.

    Lines end with \n or \r\n only: an answer may contain what Unicode calls a line separator.
    """
    held = b""
    async for piece in pieces:
        *lines, held = (held + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[len(b"data:") :].strip()
        if len(held) > LONGEST:
            raise Unavailable(f"the endpoint sends an event of over {LONGEST} bytes")


def _chunk(event: bytes) -> Chunk:
    """Return an event's data.

    Raises:
        Rejected: It says that the request is wrong.
        Unavailable: It is an error of the endpoint's, or no chunk.
    """
    try:
        found = json.loads(event)
        if isinstance(found, Mapping) and (error := found.get("error")):
            code = error.get("code") if isinstance(error, Mapping) else None
            raise _error(code if isinstance(code, int) else BROKE, event)
        return Chunk.model_validate(found)
    except ValueError as error:  # of JSON, or of pydantic
        raise Broke(f"the endpoint sends what is no chunk: {_said(event)}") from error


def _check(status: int, body: bytes) -> None:
    if status != httpx.codes.OK:
        raise _error(status, body)


def _error(status: int, body: bytes) -> ServiceError:
    """Return what a status means to who asked us."""
    said = _said(body)
    if status in BLAMES_THE_REQUEST:
        return Rejected(f"the endpoint refuses this: {said}", param=_param(body))
    if status == TOO_MUCH:
        return Overloaded(f"the endpoint has too much to do: {said}")
    if status in KEY_REFUSED:
        return Unavailable(f"the endpoint refuses the key in GYRE_OPENAI_API_KEY ({status})")
    if status == httpx.codes.NOT_FOUND:
        return Absent(f"the endpoint has no such thing: {said}")
    kind = Away if status in GATEWAYS_FAULT else Broke
    return kind(f"the endpoint failed ({status}): {said}")


def _said(body: bytes) -> str:
    """Return the message of an error, in OpenAI's shape or another one."""
    text = body.decode(errors="replace")
    try:
        found = json.loads(text)
    except ValueError:
        return _short(text)
    if isinstance(found, Mapping):
        inner = found.get("error") or found.get("message") or found.get("detail") or text
        found = inner.get("message", inner) if isinstance(inner, Mapping) else inner
    return _short(str(found))


def _param(body: bytes) -> str | None:
    """Return the option that an error blames, if it names one as OpenAI does."""
    try:
        name: str = json.loads(body)["error"]["param"].split(".")[0]
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    return OURS.get(name, name)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else line[:SHOWN] + "..."

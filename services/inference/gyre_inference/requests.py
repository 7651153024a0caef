"""From a request as it came to a question that can be answered."""

from math import isfinite
from typing import cast
from uuid import UUID

from google.protobuf.message import Message

from gyre_events import Passage, Policy
from gyre_inference.generation import Role, Sampling, Turn
from gyre_inference.structured import checked_schema
from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_service.errors import Rejected
from gyre_service.ids import derived_id

ROLES = ("system", "user", "assistant")
MAX_MESSAGES = 100
MAX_CHARS = 100_000  # of all messages
MAX_PERSON = 200
MAX_EVIDENCE = 20
MAX_EVIDENCE_BYTES = 320 * 1024  # as JSON: with question and answer it has to fit an event
MAX_STOPS = 4
MAX_CHOICES = 8
MAX_TOP_LOGPROBS = 20
MAX_LOGPROBS = 100_000  # of one answer: they have to fit a message of 4 MiB
SHORTEST_PROMPT = 128  # tokens that an answer must leave to the prompt


def turns_of(request: pb.GenerateRequest) -> tuple[Turn, ...]:
    """Return the conversation.

    Raises:
        Rejected: It is empty, too long, has unknown roles, or does not end with a question.
    """
    messages = request.messages
    if not messages:
        raise Rejected("messages is empty: the last one must be the user's", param="messages")
    if len(messages) > MAX_MESSAGES:
        raise Rejected(
            f"{len(messages)} messages, at most {MAX_MESSAGES}: leave old ones out",
            param="messages",
        )
    for number, message in enumerate(messages):
        where = f"messages[{number}]"
        if message.role not in ROLES:
            raise Rejected(
                f"{where}.role is {message.role!r}, expected one of {', '.join(ROLES)}",
                param=f"{where}.role",
            )
        if not message.content.strip():
            raise Rejected(f"{where}.content is empty", param=f"{where}.content")
        _check_storable(message.content, f"{where}.content")
    if messages[-1].role != "user":
        raise Rejected(
            f"the last message is the {messages[-1].role}'s, it must be the user's",
            param=f"messages[{len(messages) - 1}].role",
        )
    chars = sum(len(message.content) for message in messages)
    if chars > MAX_CHARS:
        raise Rejected(f"messages have {chars} characters, at most {MAX_CHARS}", param="messages")
    return tuple(Turn(cast(Role, message.role), message.content) for message in messages)


def _check_storable(text: str, param: str) -> None:
    """Refuse what no table takes: PostgreSQL's text has no U+0000."""
    if "\0" in text:
        raise Rejected(f"{param} has the character U+0000: leave it out", param=param)


def sampling_of(sent: pb.Sampling, policy: Policy, max_model_len: int) -> Sampling:
    """Return how to sample: as asked, else as the route says.

    Raises:
        Rejected: A value is out of its range.
    """

    def within(name: str, low: float, high: float, default: float) -> float:
        if not sent.HasField(name):  # type: ignore[arg-type]
            return default
        value = float(getattr(sent, name))
        if not low <= value <= high:  # NaN is not
            raise Rejected(f"{name} is {value:g}, expected {low:g}..{high:g}", param=name)
        return value

    most = max(1, max_model_len - SHORTEST_PROMPT)
    if sent.max_tokens > most:
        raise Rejected(f"max_tokens is {sent.max_tokens}, at most {most}", param="max_tokens")
    if len(sent.stop) > MAX_STOPS or not all(sent.stop):
        raise Rejected(f"stop takes up to {MAX_STOPS} texts that are not empty", param="stop")
    top_p = within("top_p", 0, 1, 1)
    if top_p == 0:
        raise Rejected("top_p is 0, expected more", param="top_p")
    if sent.n > MAX_CHOICES:
        raise Rejected(f"n is {sent.n}, at most {MAX_CHOICES}", param="n")
    max_tokens, n = sent.max_tokens or min(policy.max_tokens, most), sent.n or 1
    return Sampling(
        max_tokens=max_tokens,
        temperature=within("temperature", 0, 2, policy.temperature),
        top_p=top_p,
        stop=tuple(sent.stop),
        seed=sent.seed if sent.HasField("seed") else None,
        presence_penalty=within("presence_penalty", -2, 2, 0),
        frequency_penalty=within("frequency_penalty", -2, 2, 0),
        n=n,
        top_logprobs=_top_logprobs(sent, max_tokens * n),
        json_schema=checked_schema(sent.json_schema) if sent.json_schema else "",
    )


def _top_logprobs(sent: pb.Sampling, tokens: int) -> int | None:
    if not sent.HasField("top_logprobs"):
        return None
    if sent.top_logprobs > MAX_TOP_LOGPROBS:
        raise Rejected(
            f"top_logprobs is {sent.top_logprobs}, at most {MAX_TOP_LOGPROBS}",
            param="top_logprobs",
        )
    if (most := tokens * (sent.top_logprobs + 1)) > MAX_LOGPROBS:
        raise Rejected(
            f"top_logprobs makes {most} log-probabilities of {tokens} tokens, at most "
            f"{MAX_LOGPROBS}: ask for fewer of them, fewer tokens or a smaller n",
            param="top_logprobs",
        )
    return sent.top_logprobs


def evidence_of(request: pb.GenerateRequest) -> tuple[Passage, ...]:
    """Return the passages that came with the question.

    Raises:
        Rejected: They are too many, incomplete, or not wanted.
    """
    if request.evidence and request.retrieval != pb.RETRIEVAL_GIVEN:
        raise Rejected("evidence needs retrieval RETRIEVAL_GIVEN", param="retrieval")
    if len(request.evidence) > MAX_EVIDENCE:
        raise Rejected(
            f"{len(request.evidence)} passages, at most {MAX_EVIDENCE}", param="evidence"
        )
    passages = tuple(passage_of(p, f"evidence[{n}]") for n, p in enumerate(request.evidence))
    size = sum(len(passage.model_dump_json().encode()) for passage in passages)
    if size > MAX_EVIDENCE_BYTES:
        raise Rejected(
            f"the passages have {size} bytes as JSON, at most {MAX_EVIDENCE_BYTES}",
            param="evidence",
        )
    return passages


def passage_of(sent: pb.Passage, where: str) -> Passage:
    if not sent.text.strip():
        raise Rejected(f"{where}.text is empty", param=f"{where}.text")
    _check_storable(sent.text, f"{where}.text")
    _check_storable(sent.document, f"{where}.document")
    if not isfinite(sent.score):  # JSON has no such number: no consumer could read the event
        raise Rejected(f"{where}.score is {sent.score:g}, expected -1..1", param=f"{where}.score")
    return Passage(
        chunk_id=uuid_of(sent.chunk_id, f"{where}.chunk_id"),
        document_id=uuid_of(sent.document_id, f"{where}.document_id"),
        version=sent.version or 1,
        document=sent.document,
        page=sent.page or None,
        text=sent.text,
        score=sent.score,
    )


def uuid_of(text: str, param: str) -> UUID:
    """Return a UUID.

    Raises:
        Rejected: `text` is none.
    """
    try:
        return UUID(text)
    except ValueError as error:
        raise Rejected(f"{param} is {text!r}, expected a UUID", param=param) from error


def conversation_of(
    request: pb.GenerateRequest, metadata: str | None, tenant: str, caller: str
) -> UUID:
    """Return the conversation's id: as sent, else the same for whoever begins with the same.

    Raises:
        Rejected: What was sent is no UUID.
    """
    if sent := request.conversation_id or metadata:
        return uuid_of(sent, "conversation_id")
    first = [
        next((m.content for m in request.messages if m.role == role), "")
        for role in ("system", "user")
    ]
    return derived_id(tenant, caller, *first)


def person_of(request: pb.GenerateRequest) -> str | None:
    """Return the pseudonym of who asks.

    Raises:
        Rejected: It is too long to be one, or not to be stored.
    """
    if len(request.person) > MAX_PERSON:
        raise Rejected(
            f"person has {len(request.person)} characters, at most {MAX_PERSON}", param="person"
        )
    _check_storable(request.person, "person")
    return request.person or None


def body_of(request: Message) -> bytes:
    """Return the same bytes for the same request."""
    return request.SerializeToString(deterministic=True)

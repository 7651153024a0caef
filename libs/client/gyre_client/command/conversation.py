"""Remembers the last conversation between two calls of the command."""

import os
from pathlib import Path
from uuid import UUID, uuid4

import typer
from pydantic import BaseModel, ConfigDict, ValidationError

from gyre_client.address import home
from gyre_client.calls import Turn
from gyre_client.errors import GyreError
from gyre_client.results import Answer

KEPT = 8  # turns sent with a follow-up, questions and answers: small models read little
LAST = "last"


class Conversation(BaseModel):
    """What a follow-up needs to know."""

    model_config = ConfigDict(frozen=True)

    url: str
    route: str
    conversation_id: str
    answer_id: str | None = None
    turns: tuple[Turn, ...] = ()

    def with_answer(self, question: str, answer: Answer) -> "Conversation":
        asked = {"role": "user", "content": question}
        answered = {"role": "assistant", "content": answer.text}
        return self.model_copy(
            update={
                "conversation_id": answer.conversation_id or self.conversation_id,
                "answer_id": answer.answer_id,
                "turns": (*self.turns, asked, answered)[-KEPT:],
            }
        )


def begin(url: str, route: str | None, conversation_id: str | None) -> Conversation:
    """Return a new conversation, or the last one if it has this id.

    Raises:
        GyreError: The id is none.
    """
    if conversation_id is None:
        return Conversation(url=url, route=route or "default", conversation_id=str(uuid4()))
    try:
        wanted = str(UUID(conversation_id))
    except ValueError as error:
        raise GyreError(f"--conversation is {conversation_id!r}, expected a UUID") from error
    last = _read()
    if last is not None and (last.conversation_id, last.url) == (wanted, url):
        return last.model_copy(update={"route": route or last.route})
    return Conversation(url=url, route=route or "default", conversation_id=wanted)


def resume(url: str, route: str | None) -> Conversation:
    """Return the last conversation.

    Raises:
        GyreError: There is none, or it was with another Gyre.
    """
    last = _read()
    if last is None:
        raise GyreError("there is no conversation to continue: ask without --continue first")
    if last.url != url:
        raise GyreError(f"the last conversation was with {last.url}, not with {url}")
    return last.model_copy(update={"route": route or last.route})


def last_answer() -> str:
    """Return the id of the last answer.

    Raises:
        GyreError: Nothing was asked yet.
    """
    last = _read()
    if last is None or last.answer_id is None:
        raise GyreError("there is no last answer: ask something first, or give an answer's id")
    return last.answer_id


def keep(conversation: Conversation) -> None:
    """Write it where only its owner reads it: it holds questions and answers."""
    file = _file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Written beside and then moved: who is killed in between leaves the old one whole.
        new = file.with_name(f"{file.name}.{os.getpid()}")
        new.touch(mode=0o600)
        new.write_text(conversation.model_dump_json(), encoding="utf-8")
        new.replace(file)
    except OSError as error:
        typer.echo(f"gyre: the conversation is not kept: {error}", err=True)


def _file() -> Path:
    stack = home()
    folder = stack / "run" if stack else Path(typer.get_app_dir("gyre"))
    return folder / "conversation.json"


def _read() -> Conversation | None:
    try:
        return Conversation.model_validate_json(_file().read_bytes())
    except (FileNotFoundError, ValidationError):  # none, or of another version
        return None
    except OSError as error:
        raise GyreError(f"cannot read {_file()}: {error.strerror}") from error

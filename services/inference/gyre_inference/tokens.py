"""Conversations as tokens, by the tokenizer and the template that a model ships with."""

import re
from collections.abc import Sequence
from itertools import dropwhile, groupby
from typing import Any

from jinja2 import TemplateError

from gyre_inference.generation import Role, Turn
from gyre_service.errors import Rejected
from gyre_service.special_tokens import breaker

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


class Tokens:
    """Renders prompts.

    Args:
        tokenizer: Of the model (transformers' interface).
        model: Its name, for messages.

    Raises:
        ValueError: The model has no chat template, or its prompts would lack the first token
            it was trained with (Gemma without its BOS babbles).
    """

    def __init__(self, tokenizer: Any, model: str) -> None:
        self._tokenizer = tokenizer
        self._plain = breaker(tokenizer)
        self._bytes = _letters_of_bytes() if _is_byte_level(tokenizer) else {}
        if not tokenizer.chat_template:
            raise ValueError(f"{model} has no chat template: it cannot be asked questions")
        first, wanted = self._tokens([Turn("user", "?")])[0], tokenizer.bos_token_id
        if wanted not in (None, tokenizer.eos_token_id, first):
            raise ValueError(
                f"{model} wants {tokenizer.bos_token} first, "
                f"its chat template gives {tokenizer.decode([first])!r}"
            )
        self._takes_system = self._takes("system", "user")
        self._takes_any_order = self._takes("assistant", "user", "user")

    def render(self, turns: Sequence[Turn]) -> list[int]:
        """Return the prompt of a conversation whose next turn is the model's.

        A template that takes no system turn gets its text in the first question; one that wants
        user and assistant in turn gets neighbours of one role as one, and no answer first.

        Raises:
            Rejected: The template refuses the conversation.
        """
        try:
            return self._tokens(self._as_taken(turns))
        except TemplateError as error:
            raise Rejected(
                f"the model's chat template refuses the messages: {error}", param="messages"
            ) from error

    def _as_taken(self, turns: Sequence[Turn]) -> Sequence[Turn]:
        head = turns[:1] if turns[0].role == "system" else ()
        said = list(turns[len(head) :])
        if not self._takes_any_order:
            said = list(dropwhile(lambda turn: turn.role == "assistant", said))
            neighbours = groupby(said, lambda turn: turn.role)
            said = [Turn(role, "\n\n".join(t.content for t in same)) for role, same in neighbours]
        if head and not self._takes_system:
            at = next(n for n, turn in enumerate(said) if turn.role == "user")
            said[at] = Turn("user", f"{head[0].content}\n\n{said[at].content}")
            head = ()
        return [*head, *said]

    def _takes(self, *roles: Role) -> bool:
        try:
            self._tokens([Turn(role, "?") for role in roles])
        except TemplateError:
            return False
        return True

    def _tokens(self, turns: Sequence[Turn]) -> list[int]:
        messages = [{"role": turn.role, "content": self._plain(turn.content)} for turn in turns]
        text = self._tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True
        )
        tokens: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return tokens

    def count(self, text: str) -> int:
        """Return how many tokens `text` has."""
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    def bytes_of(self, token: int) -> bytes:
        """Return what a token stands for in UTF-8; it may be a part of a character."""
        piece: str = self._tokenizer.convert_ids_to_tokens(token) or ""
        if self._bytes:
            return b"".join(self._bytes.get(letter) or letter.encode() for letter in piece)
        if byte := _BYTE.fullmatch(piece):
            return bytes.fromhex(byte[1])
        return piece.replace("\u2581", " ").encode()


def _is_byte_level(tokenizer: Any) -> bool:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    return backend is not None and "ByteLevel" in repr(backend.decoder)


def _letters_of_bytes() -> dict[str, bytes]:
    """Return which byte each letter of a byte-level vocabulary is: GPT-2's table.

    Printable bytes are themselves; the others are, in their order, the letters from U+0100.
    """
    same = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in same]
    letters = {chr(byte): byte for byte in same}
    letters |= {chr(0x100 + number): byte for number, byte in enumerate(others)}
    return {letter: bytes([byte]) for letter, byte in letters.items()}

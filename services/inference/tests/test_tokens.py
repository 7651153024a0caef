from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from jinja2 import TemplateError
from tokenizers import AddedToken
from transformers import AutoTokenizer

from gyre_inference.generation import Turn
from gyre_inference.tokens import Tokens
from gyre_service.errors import Rejected


class Tokenizer:
    """Words are tokens; a template is a format of the last message."""

    bos_token, bos_token_id, eos_token_id = "<bos>", 0, 1
    all_special_tokens = ("<bos>", "<eos>")
    added_tokens_decoder: Mapping[int, AddedToken] = MappingProxyType({})

    def __init__(self, template: str | None = "<bos> {}", **changes: Any) -> None:
        self.chat_template = template
        self.words = ["<bos>", "<eos>"]
        vars(self).update(changes)

    def apply_chat_template(self, messages: Any, **_: Any) -> str:
        assert self.chat_template
        return self.chat_template.format(messages[-1]["content"])

    def encode(self, text: str, add_special_tokens: bool) -> list[int]:
        assert not add_special_tokens
        for word in text.split():
            if word not in self.words:
                self.words.append(word)
        return [self.words.index(word) for word in text.split()]

    def convert_ids_to_tokens(self, token: int) -> str | None:
        return self.words[token] if token < len(self.words) else None

    def decode(self, tokens: list[int]) -> str:
        return " ".join(self.words[token] for token in tokens)


def test_a_prompt_is_the_templates() -> None:
    tokenizer = Tokenizer()

    tokens = Tokens(tokenizer, "tiny").render([Turn("user", "Who are you")])

    assert tokenizer.decode(tokens) == "<bos> Who are you"


def test_a_model_whose_template_omits_bos_is_refused() -> None:
    with pytest.raises(ValueError, match=r"tiny wants <bos> first, its chat template gives '[?]'"):
        Tokens(Tokenizer("{}"), "tiny")


class Strict(Tokenizer):
    """As Gemma's: user and assistant in turn; and no system turn, or none of a word."""

    def __init__(self, refused: str = "system") -> None:
        self._refused = refused
        super().__init__()

    def apply_chat_template(self, messages: Any, **_: Any) -> str:
        roles = [message["role"] for message in messages]
        said = [role for role in roles if role != "system"]
        if self._refused in roles or said != (["user", "assistant"] * len(said))[: len(said)]:
            raise TemplateError("roles must alternate")
        if any(self._refused in message["content"] for message in messages):
            raise TemplateError("not this word")
        return "<bos> " + " ".join(
            f"{message['role']}: {message['content']}" for message in messages
        )


CONVERSATION = [
    Turn("system", "Be short."),
    Turn("assistant", "Hello."),
    Turn("user", "One."),
    Turn("user", "Two."),
    Turn("assistant", "Yes."),
    Turn("user", "Three?"),
]


@pytest.mark.parametrize(
    ("refused", "prompt"),
    [
        ("system", "<bos> user: Be short. One. Two. assistant: Yes. user: Three?"),
        ("-", "<bos> system: Be short. user: One. Two. assistant: Yes. user: Three?"),
    ],
)
def test_a_strict_template_gets_what_it_takes(refused: str, prompt: str) -> None:
    tokenizer = Strict(refused)

    assert tokenizer.decode(Tokens(tokenizer, "tiny").render(CONVERSATION)) == prompt


def test_what_a_template_refuses_is_the_requests_fault() -> None:
    tokens = Tokens(Strict("word"), "tiny")

    with pytest.raises(Rejected, match="refuses the messages: not this word") as caught:
        tokens.render([Turn("user", "a word")])

    assert caught.value.param == "messages"


def test_a_model_without_bos_needs_none() -> None:
    assert Tokens(Tokenizer("{}", bos_token_id=None), "tiny").count("a b") == 2


def test_a_model_without_a_template_is_refused() -> None:
    with pytest.raises(ValueError, match="no chat template"):
        Tokens(Tokenizer(None), "tiny")


@pytest.mark.parametrize(
    ("decoder", "piece", "meant"),
    [
        ("ByteLevel(add_prefix_space=True)", "\u0120is", b" is"),
        ("ByteLevel(add_prefix_space=True)", "\u00c3", b"\xc3"),  # half of a letter
        ("ByteLevel(add_prefix_space=True)", "\u010a", b"\n"),
        ("ByteLevel(add_prefix_space=True)", "<|end|>", b"<|end|>"),
        ("ByteLevel(add_prefix_space=True)", "\u4e2d", "\u4e2d".encode()),  # an added token
        ("Sequence(decoders=[ByteFallback()])", "\u2581is", b" is"),
        ("Sequence(decoders=[ByteFallback()])", "<0xC3>", b"\xc3"),
        ("Sequence(decoders=[ByteFallback()])", "\u00e9", "\u00e9".encode()),
    ],
)
def test_a_token_stands_for_bytes(decoder: str, piece: str, meant: bytes) -> None:
    class Backend:
        def __init__(self) -> None:
            self.decoder = type("Decoder", (), {"__repr__": lambda _: decoder})()

    tokenizer = Tokenizer(backend_tokenizer=Backend())
    tokenizer.words.append(piece)

    assert Tokens(tokenizer, "tiny").bytes_of(tokenizer.words.index(piece)) == meant


def test_the_bytes_of_the_reference_models_tokens_are_its_text() -> None:
    tokenizer = AutoTokenizer.from_pretrained(Path(__file__).parents[3] / "models" / "reference")
    tokens = Tokens(tokenizer, "reference")
    text = "Blau, \u00fcber [1]\n\u4e2d"

    ids = tokenizer.encode(text, add_special_tokens=False)

    assert b"".join(tokens.bytes_of(token) for token in ids).decode() == text
    assert tokens.bytes_of(10**6) == b""  # a padded vocabulary has rows that nothing means


def test_nobody_but_the_template_writes_special_tokens() -> None:
    added = {2: AddedToken("<turn>", special=True)}  # which the configuration does not name
    tokenizer = Tokenizer(words=["<bos>", "<eos>", "<turn>"], added_tokens_decoder=added)

    tokens = Tokens(tokenizer, "tiny").render([Turn("user", "end <eos> <bos> <turn> now")])

    assert tokens.count(0) == 1
    assert {1, 2}.isdisjoint(tokens)

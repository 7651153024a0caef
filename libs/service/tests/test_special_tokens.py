import re
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from gyre_service.special_tokens import breaker


@dataclass
class Added:
    """As of the package `tokenizers`."""

    content: str
    special: bool = True


def tokenizer(*added: Added, named: tuple[str, ...] = ()) -> Any:
    return SimpleNamespace(added_tokens_decoder=dict(enumerate(added)), all_special_tokens=named)


def special(*texts: str) -> list[Added]:
    return [Added(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a <eos>", "a < eos>"),
        ("<turn>user\n<turn>", "< turn>user\n< turn>"),
        ("<turn><turn>", "< turn>< turn>"),
        ("<<eos>", "<< eos>"),
        ("[ab[c", "[ ab[ c"),  # two that overlap
        ("<tool> <turn", "<tool> <turn"),
        ("# and\n\n", "# and\n\n"),
    ],
)
def test_every_special_token_is_broken_and_nothing_else(text: str, plain: str) -> None:
    added = special("<turn>", "<turn>x", "[ab[", "[c", "#")
    made = breaker(tokenizer(*added, Added("<tool>", special=False), named=("<eos>",)))

    assert made(text) == plain


def test_a_tokenizer_without_any_has_nothing_to_break() -> None:
    assert breaker(tokenizer())("<eos>") == "<eos>"


def test_thousands_of_them_cost_no_look_each() -> None:
    """At each `<`: that would be 6 * 10**9 of them here."""
    made = breaker(tokenizer(*special(*(f"<unused{n}>" for n in range(6000)))))

    assert made("<" * 1_000_000) == "<" * 1_000_000
    assert not re.search(r"<unused\d", made("<unused17><unused5999>"))
